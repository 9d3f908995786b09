// Server-sent events out of a fetch body (WHATWG HTML 9.2, the part that our server uses).

export type StreamEvent = { event: string } & Record<string, unknown>;

// Feeds text in any pieces; gives the data of each complete event.
export class EventParser {
	private rest = "";

	feed(text: string): string[] {
		const out: string[] = [];
		this.rest += text;
		for (;;) {
			const end = this.rest.search(/\r?\n\r?\n/);
			if (end < 0) return out;
			const block = this.rest.slice(0, end);
			this.rest = this.rest.slice(end).replace(/^\r?\n\r?\n/, "");
			const data = block
				.split(/\r?\n/)
				.filter((line) => line.startsWith("data:"))
				.map((line) => line.slice(5).replace(/^ /, ""))
				.join("\n");
			if (data) out.push(data);
		}
	}
}

export async function* readEvents(response: Response): AsyncGenerator<StreamEvent> {
	if (!response.body) return;
	const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
	const parser = new EventParser();
	try {
		for (;;) {
			const { value, done } = await reader.read();
			if (done) return;
			for (const data of parser.feed(value)) yield JSON.parse(data) as StreamEvent;
		}
	} finally {
		reader.cancel().catch(() => undefined);
	}
}
