// The hook in real pages (jsdom), with each React that it is for.
import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { setTimeout as pause } from "node:timers/promises";
import test from "node:test";
import { JSDOM } from "jsdom";
import { ended, event, hostile, open, refused, typed, until } from "./hostile.js";

const dom = new JSDOM("<!DOCTYPE html>", { url: "https://photos.example" });
Object.assign(globalThis, { window: dom.window, document: dom.window.document });
globalThis.navigator ??= dom.window.navigator; // Node 20 has none

for (const version of ["18", "19"]) await test(`React ${version}`, (t) => suite(t, version));

async function suite(t, version) {
  const { createElement: h, createRoot, createClient, renderToString, StrictMode, useEffect, useJobEvents, version: found } = await packages(version);
  assert.equal(found.split(".")[0], version);

  /** Render a component in a page of its own. */
  function page(t, element) {
    const root = createRoot(document.createElement("div"));
    root.render(element);
    t.after(() => root.unmount());
    return root;
  }

  /** Follow in a component, and keep what the hook returned last. */
  function follower(client, handlers) {
    const views = [];
    let inUse;
    const Follower = ({ id, own = handlers }) => {
      views.push(useJobEvents(id, own, { client }));
      // After the hook's own effects.
      useEffect(() => { inUse = own; });
      return null;
    };
    return { views, Follower, view: () => views.at(-1), handlersInUse: () => inUse };
  }

  const cases = {
    async "it shows how far the job is, and its result"(t) {
      const server = await hostile(t, open(event(1, "queued"), event(2, "progress", { progress: 40 }), event(3, "completed", { progress: 100, restore_id: "r" })));
      const { views, Follower, view } = follower(server.client());
      page(t, h(Follower, { id: "a" }));
      await until(() => view()?.connection === "closed");
      assert.deepEqual(views[0], { status: null, progress: 0, connection: "connecting", result: null, error: null });
      const { status, progress, result, error } = view();
      assert.deepEqual([status, progress, result.restore_id, error], ["completed", 100, "r", null]);
    },

    async "it tells why there is no result"(t) {
      const error = { code: "lost", message: "It was lost.", retryable: true };
      const { Follower, view } = follower((await hostile(t, open(event(1, "failed", { error })))).client());
      page(t, h(Follower, { id: "a" }));
      await until(() => view()?.connection === "closed");
      assert.deepEqual([view().status, view().result, view().error.code, view().error.retryable], ["failed", null, "lost", true]);
    },

    async "a refusal is an error"(t) {
      const { Follower, view } = follower((await hostile(t, refused(404))).client());
      page(t, h(Follower, { id: "a" }));
      await until(() => view()?.connection === "closed");
      assert.deepEqual([view().status, view().error.status], [null, 404]);
    },

    async "no job, no connection"(t) {
      const server = await hostile(t, open(event(1, "queued")));
      const { Follower, view } = follower(server.client());
      const root = page(t, h(Follower, { id: null }));
      await until(view);
      assert.equal(view().connection, "idle");
      root.render(h(Follower, { id: undefined }));
      await pause(20);
      assert.equal(server.requests.length, 0);
      root.render(h(Follower, { id: "a" }));
      await until(() => view().status === "queued");
      root.render(h(Follower, { id: null }));
      await server.requests[0].gone;
      assert.deepEqual([view().connection, view().status], ["idle", null]);
    },

    async "StrictMode opens one stream"(t) {
      const server = await hostile(t, open(event(1, "queued"), event(2, "completed")));
      let count = 0;
      const { Follower, view } = follower(server.client(), { onCompleted: () => (count += 1) });
      page(t, h(StrictMode, null, h(Follower, { id: "a" })));
      await until(() => view()?.connection === "closed");
      assert.deepEqual([server.requests.length, count], [1, 1]);
    },

    async "many components share one connection"(t) {
      const server = await hostile(t, open(event(1, "queued")));
      const { views, Follower } = follower(server.client());
      page(t, h("div", null, Array.from({ length: 20 }, (_, key) => h(Follower, { id: "a", key }))));
      await until(() => views.filter(({ status }) => status === "queued").length >= 20);
      assert.equal(server.requests.length, 1);
    },

    async "handlers may change without a new connection, and the newest is called"(t) {
      let finish;
      const server = await hostile(t, (response) => {
        open(event(1, "queued"))(response);
        finish = () => response.write(event(2, "completed"));
      });
      const { Follower, view, handlersInUse } = follower(server.client());
      const root = page(t, h(Follower, { id: "a", own: { onCompleted: () => assert.fail() } }));
      await until(() => view()?.status === "queued");
      const called = [];
      const own = { onQueued: () => assert.fail("It was told before."), onCompleted: ({ job_id }) => called.push(job_id) };
      root.render(h(Follower, { id: "a", own }));
      await until(() => handlersInUse() === own);
      finish();
      await until(() => called.length);
      assert.deepEqual([called, server.requests.length], [["a"], 1]);
    },

    async "another job is another stream, and nothing of the old is shown"(t) {
      const server = await hostile(t, open(event(1, "queued")), open(event(1, "processing", { job_id: "b" })));
      const { views, Follower, view } = follower(server.client());
      const root = page(t, h(Follower, { id: "a" }));
      await until(() => view()?.status === "queued");
      const before = views.length;
      root.render(h(Follower, { id: "b" }));
      await until(() => view()?.status === "processing");
      assert.equal(views[before].status, null);
      await server.requests[0].gone;
      assert.deepEqual(server.requests.map(({ url }) => url), ["/api/v1/events/a", "/api/v1/events/b"]);
    },

    async "what goes closes its stream"(t) {
      const server = await hostile(t, open(event(1, "queued")));
      const { Follower, view } = follower(server.client());
      const root = page(t, h(Follower, { id: "a" }));
      await until(() => view()?.status === "queued");
      root.render(null);
      await server.requests[0].gone;
    },

    async "after a reset the job is read again"(t) {
      const reset = 'id: 9\nevent: reset\ndata: {"last_event_id": 9}\n\n';
      const job = typed("application/json", JSON.stringify({ job_id: "a", status: "processing", progress: 70 }));
      const answer = (response, request) => (request.url.includes("/jobs/") ? job(response) : open(event(1, "queued"), reset)(response));
      const { Follower, view } = follower((await hostile(t, answer)).client());
      page(t, h(Follower, { id: "a" }));
      await until(() => view()?.progress === 70);
      assert.equal(view().status, "processing");
    },

    async "a broken line shows, and mends"(t) {
      let finish;
      const last = (response) => (finish = () => open(event(2, "progress", { progress: 50 }))(response));
      const server = await hostile(t, ended("retry: 1\n\n", event(1, "queued")), last);
      const { Follower, view } = follower(server.client());
      page(t, h(Follower, { id: "a" }));
      await until(() => view()?.connection === "reconnecting" && finish);
      assert.equal(view().status, "queued");
      finish();
      await until(() => view().progress === 50);
      assert.equal(view().connection, "open");
    },

    async "on the server it renders and opens nothing"(t) {
      const server = await hostile(t, open(event(1, "queued")));
      const { Follower, view } = follower(server.client());
      assert.equal(renderToString(h(Follower, { id: "a" })), "");
      assert.equal(view().connection, "connecting");
      const Bare = () => h("p", null, useJobEvents("a").connection);
      assert.equal(renderToString(h(Bare)), "<p>connecting</p>");
      await pause(20);
      assert.equal(server.requests.length, 0);
    },
  };
  for (const [name, run] of Object.entries(cases)) await t.test(name, run);
}

/** Return the client as npm packs it, beside the React of that version. */
async function packages(version) {
  const home = new URL(`react${version}/`, import.meta.url);
  const copy = new URL("node_modules/@photorestore/client/", home);
  mkdirSync(copy, { recursive: true });
  for (const name of ["src", "package.json"]) cpSync(new URL(`../${name}`, import.meta.url), new URL(name, copy), { recursive: true });
  const require = createRequire(new URL("package.json", home));
  const found = await Promise.all(["index", "react"].map((name) => import(new URL(`src/${name}.js`, copy))));
  return Object.assign({}, require("react"), require("react-dom/client"), require("react-dom/server"), ...found);
}
