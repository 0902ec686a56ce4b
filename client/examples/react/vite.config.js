import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [react()],
  // The client lies beside this example, with a React of its own for its tests.
  resolve: { dedupe: ["react"] },
});
