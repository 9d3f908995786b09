// The look of the console: warm greys, one ember accent, calm shapes.
import { createTheme, type MantineColorsTuple } from "@mantine/core";

const ember: MantineColorsTuple = ["#fff4ec", "#fde6d7", "#f9c9a9", "#f5aa78", "#f0935a", "#e8762f", "#d5611c", "#b0470f", "#953c0c", "#74300b"];
const gray: MantineColorsTuple = ["#faf9f7", "#f4f2ef", "#eae7e2", "#dfdad3", "#c7c1b8", "#a39c92", "#6b645b", "#57514a", "#3f3b36", "#26231f"];
const dark: MantineColorsTuple = ["#ece8e3", "#cfc9c2", "#aba39a", "#857d75", "#494440", "#363230", "#242120", "#1b1917", "#151312", "#0f0e0d"];
const red: MantineColorsTuple = ["#fdecea", "#fad5d1", "#f5b0a9", "#f08b81", "#e8695d", "#d94b3e", "#c7362a", "#b3261e", "#951d17", "#701410"];

export const theme = createTheme({
	primaryColor: "ember",
	primaryShade: 7,
	colors: { ember, gray, dark, red },
	black: "#26231f",
	fontFamily: "var(--sans)",
	fontFamilyMonospace: "var(--mono)",
	headings: { fontWeight: "620" },
	defaultRadius: "md",
	cursorType: "pointer",
	respectReducedMotion: true,
	components: {
		Modal: { defaultProps: { centered: true, radius: "lg", overlayProps: { backgroundOpacity: 0.45 } } },
		Card: { defaultProps: { radius: "lg", withBorder: true } },
		Paper: { defaultProps: { radius: "lg" } },
	},
});
