// The icons, drawn for this: strokes in a 24 by 24 box.
const shapes = {
	send: "M12 19V5M6 11l6-6 6 6",
	stop: "M7 7h10v10H7z",
	copy: "M9 9h10v10H9zM5 15V5h10",
	check: "M5 12.5l4.5 4.500L19 7.500",
	like: "M7 11v9H4v-9zM7 11l4-7c1.500 0 2.500 1 2.300 2.600L13 10h5.500c1.200 0 2 1 1.700 2.200l-1.500 6.300c-.2.9-1 1.500-1.900 1.500H7",
	dislike: "M17 13V4h3v9zM17 13l-4 7c-1.500 0-2.500-1-2.300-2.600L11 14H5.500c-1.200 0-2-1-1.700-2.200l1.500-6.300C5.500 4.600 6.300 4 7.200 4H17",
	plus: "M12 5v14M5 12h14",
	menu: "M4 7h16M4 12h16M4 17h16",
	close: "M6 6l12 12M18 6L6 18",
	edit: "M4 20l1-4L16 5l3 3L8 19zM14 7l3 3",
	trash: "M5 7h14M10 7V4h4v3M7 7l1 13h8l1-13",
	more: "M6 12h.01M12 12h.01M18 12h.01",
	upload: "M12 16V5M7 9l5-5 5 5M5 19h14",
	download: "M12 4v11M7 11l5 5 5-5M5 20h14",
	clip: "M19 11.500l-7.500 7.500a4.600 4.600 0 01-6.500-6.500l8-8a3 3 0 014.300 4.300l-7.800 7.800a1.400 1.400 0 01-2-2l7-7",
	down: "M6 9l6 6 6-6",
	sun: "M12 8a4 4 0 100 8 4 4 0 000-8zM12 2v2M12 20v2M2 12h2M20 12h2M5 5l1.400 1.400M17.600 17.600L19 19M19 5l-1.400 1.400M6.400 17.600L5 19",
	moon: "M20 14.500A8.500 8.500 0 019.500 4 8.500 8.500 0 1020 14.500z",
	auto: "M12 3a9 9 0 100 18 9 9 0 000-18zM12 3v18M12 7h6M12 12h8.500M12 17h6",
	globe: "M12 3a9 9 0 100 18 9 9 0 000-18zM3 12h18M12 3c5 5 5 13 0 18M12 3c-5 5-5 13 0 18",
	link: "M14 5h5v5M19 5l-8 8M17 13v6H5V7h6",
	key: "M14 10a4 4 0 10-3.200 3.900L13 16h2v2h2v2h3v-3l-6-6z",
	search: "M11 5a6 6 0 100 12 6 6 0 000-12zM15.500 15.500L20 20",
	play: "M8 5l11 7-11 7z",
	user: "M12 5a3.500 3.500 0 100 7 3.500 3.500 0 000-7zM5 20c.5-4 3.500-5.500 7-5.500s6.500 1.500 7 5.500",
	back: "M19 12H5M11 6l-6 6 6 6",
} as const;

export type IconName = keyof typeof shapes;

export function Icon({ name, size }: { name: IconName; size?: number }) {
	return (
		<svg
			className="icon"
			style={size ? { width: size, height: size } : undefined}
			viewBox="0 0 24 24"
			fill="none"
			stroke="currentColor"
			strokeWidth={name === "more" ? 3 : 1.8}
			strokeLinecap="round"
			strokeLinejoin="round"
			aria-hidden="true"
		>
			<path d={shapes[name]} />
		</svg>
	);
}

export interface Face {
	icon_type?: string | null;
	icon?: string | null;
	icon_background?: string | null;
	icon_url?: string | null;
}

export function AppFace({ of, size = 40 }: { of: Face; size?: number }) {
	const style = { width: size, height: size, fontSize: size * 0.52, background: of.icon_background || "#ffead5" };
	const image = of.icon_type === "image" || of.icon_type === "link" ? (of.icon_url ?? of.icon) : null;
	return (
		<span className="face" style={style} aria-hidden="true">
			{image ? <img src={image} alt="" /> : of.icon || "🤖"}
		</span>
	);
}
