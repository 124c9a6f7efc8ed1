/** How Vite serves the explorer in development and builds it; `web/build.ts` is what calls the build. */
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where the API answers in development: the program's admin port, or `web/dev/mock-api.ts`. */
const apiUrl = process.env['P2L_ADMIN_URL'] ?? 'http://127.0.0.1:5601';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  // Everything the page loads is a file of its own: the server's content security policy allows nothing inline.
  build: {
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
    cssMinify: true,
  },
  server: { host: '127.0.0.1', proxy: { '/api': apiUrl } },
});
