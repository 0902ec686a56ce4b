// The real site, as `make run` starts it, with a database and files of its own.
import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = join(ROOT, ".venv/bin/python");

export const photo = () => new File([readFileSync(join(ROOT, "restorer/samples/portrait-1961.jpg"))], "portrait.jpg");

export class Site {
  #folder = mkdtempSync(join(tmpdir(), "photorestore-client-"));
  #env;
  #process;

  async start() {
    this.#env ??= {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      PORT: String(await freePort()),
      DATABASE_URL: `sqlite:///${this.#folder}/db.sqlite3`,
      MEDIA_ROOT: `${this.#folder}/media`,
    };
    this.#process = spawn(PYTHON, ["-m", "photorestore.local", "run"], { cwd: ROOT, env: this.#env, stdio: ["ignore", "pipe", "inherit"] });
    for await (const line of createInterface({ input: this.#process.stdout })) {
      if (line.includes("PhotoRestore is at ")) break;
    }
    this.#process.stdout.resume();
    return this;
  }

  get url() {
    return `http://127.0.0.1:${this.#env.PORT}`;
  }

  /** Not execFileSync: while Node stands still it misses that the site closes idle connections. */
  async token(...options) {
    const command = ["manage.py", "create_token", "demo", ...options];
    const { stdout } = await promisify(execFile)(PYTHON, command, { cwd: ROOT, env: this.#env });
    return stdout.trim();
  }

  async stop() {
    if (this.#process.exitCode !== null || this.#process.signalCode) return;
    this.#process.kill("SIGTERM");
    await once(this.#process, "exit");
  }

  async end() {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}
