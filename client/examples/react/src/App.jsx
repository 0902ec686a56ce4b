import { createClient } from "@photorestore/client";
import { useJobEvents } from "@photorestore/client/react";
import { useState } from "react";

/** Uploads photos, and follows their jobs over one connection. */
export function App() {
  const [client, setClient] = useState(null);
  const [jobs, setJobs] = useState([]);
  const [problem, setProblem] = useState("");

  async function restore(file) {
    try {
      const { job } = await client.upload(file, { restore: true });
      setJobs((others) => [job, ...others]);
      setProblem("");
    } catch (error) {
      setProblem(error.message);
    }
  }

  if (!client) return <SignIn onToken={setClient} />;
  return (
    <main>
      <h1>Restore photos</h1>
      <label>
        Photo <input type="file" accept="image/*" onChange={({ target }) => restore(target.files[0])} />
      </label>
      <p role="alert">{problem}</p>
      {jobs.map(({ job_id: id }) => (
        <Job key={id} id={id} client={client} />
      ))}
    </main>
  );
}

function SignIn({ onToken }) {
  const submit = (form) => {
    const token = form.get("token");
    onToken(createClient({ baseUrl: form.get("site"), getToken: () => token }));
  };
  return (
    <form action={submit}>
      <label>
        Site <input name="site" type="url" defaultValue="http://127.0.0.1:8000" required />
      </label>
      <label>
        API token <input name="token" type="password" autoComplete="off" required />
      </label>
      <button>Go on</button>
    </form>
  );
}

function Job({ id, client }) {
  const [picture, setPicture] = useState(null);
  const show = async ({ restore }) => {
    // An img sends no token, so the picture is fetched.
    const answer = await client.send(`/restores/${restore.id}/preview`);
    setPicture(URL.createObjectURL(await answer.blob()));
  };
  const { status, progress, connection, error } = useJobEvents(id, { onCompleted: show }, { client });
  return (
    <section>
      <progress max="100" value={progress} aria-label="Progress" />
      <p role="status">
        {status ?? connection} {error?.message}
      </p>
      {picture && <img src={picture} alt="The restored photo" />}
    </section>
  );
}
