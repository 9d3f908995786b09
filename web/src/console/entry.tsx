// The console: providers around the router.
import "@mantine/core/styles.css";
import "./console.css";
import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { MutationCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { createRoot } from "react-dom/client";
import { BrowserRouter } from "react-router-dom";
import { startLanguages } from "../i18n";
import { ApiError } from "../lib/http";
import { schemeKey } from "../lib/theme";
import { Routing } from "./Routing";
import { theme } from "./theme";
import { showError, Toasts } from "./toast";

const queries = new QueryClient({
	defaultOptions: {
		queries: {
			staleTime: 10_000,
			refetchOnWindowFocus: false,
			retry: (count, e) => count < 2 && !(e instanceof ApiError && e.status < 500),
		},
	},
	// A mutation that shows its own error says so with meta.quiet.
	mutationCache: new MutationCache({
		onError: (e, _variables, _context, mutation) => {
			if (!mutation.meta?.quiet) showError(e);
		},
	}),
});

export async function start(root: HTMLElement): Promise<void> {
	await startLanguages(["shared", "console"]);
	createRoot(root).render(
		<MantineProvider theme={theme} defaultColorScheme="auto" colorSchemeManager={localStorageColorSchemeManager({ key: schemeKey })}>
			<QueryClientProvider client={queries}>
				<BrowserRouter>
					<Routing />
				</BrowserRouter>
				<Toasts />
			</QueryClientProvider>
		</MantineProvider>,
	);
}
