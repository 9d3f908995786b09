/// <reference types="vitest/config" />
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const server = process.env.TATARA_SERVER ?? "http://127.0.0.1:8080";

// One page for every path (src/main.tsx picks the part): the console, or the public pages, which
// load neither the component library nor the router.
export default defineConfig({
	plugins: [react()],
	build: {
		outDir: "dist",
		assetsDir: "assets",
		sourcemap: false,
		target: "es2022",
		modulePreload: { polyfill: false },
		assetsInlineLimit: 0,
		rollupOptions: {
			output: {
				manualChunks(id: string) {
					if (/node_modules\/(react|react-dom|scheduler)\//.test(id)) return "react";
					if (/node_modules\/(i18next|react-i18next)\//.test(id)) return "i18n";
					return undefined;
				},
			},
		},
	},
	server: {
		proxy: Object.fromEntries(["/console/api", "/api", "/v1", "/files"].map((p) => [p, server])),
	},
	test: { environment: "node", include: ["src/**/*.test.{ts,tsx}"] },
});
