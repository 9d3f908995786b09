// Picks the part of the pages that the path belongs to, so that a visitor of a public page loads
// nothing of the console.
import "./ui/base.css";

const root = document.getElementById("root");
const visitor = /^\/(chat|chatbot|completion|workflow)\/([\w-]+)/.exec(location.pathname);
const asked = /^\/form\/([\w-]+)\/?$/.exec(location.pathname);

if (root) {
	if (asked) void import("./site/AskPage").then((m) => m.start(root, asked[1]));
	else if (visitor)
		void import("./site/entry").then((m) => m.start(root, visitor[1], visitor[2]));
	else void import("./console/entry").then((m) => m.start(root));
}
