import { Component, lazy, Suspense, useEffect, type ReactNode } from "react";
import { useTranslation } from "react-i18next";
import { Navigate, Route, Routes, useLocation, useNavigate } from "react-router-dom";
import { Blank, Waiting } from "./parts";
import { Shell } from "./Shell";

const Setup = lazy(() => import("./Setup"));
const SignIn = lazy(() => import("./SignIn"));
const Activate = lazy(() => import("./Activate"));
const Apps = lazy(() => import("./Apps"));
const AppPage = lazy(() => import("./app/AppPage"));
const Models = lazy(() => import("./Models"));
const Tools = lazy(() => import("./Tools"));
const Members = lazy(() => import("./Members"));
const Account = lazy(() => import("./Account"));

function Missing() {
	const { t } = useTranslation("console");
	return (
		<div className="page">
			<Blank title={t("common.notFound")} text={t("common.notFoundHint")} link={{ to: "/apps", label: t("common.home") }} />
		</div>
	);
}

function Broken() {
	const { t } = useTranslation("console");
	return (
		<div className="page" role="alert">
			<Blank title={t("common.broken")} text={t("common.brokenHint")} action={{ label: t("common.reload"), onClick: () => location.reload() }} />
		</div>
	);
}

class Guard extends Component<{ children: ReactNode }, { failed: boolean }> {
	state = { failed: false };
	static getDerivedStateFromError() {
		return { failed: true };
	}
	render() {
		return this.state.failed ? <Broken /> : this.props.children;
	}
}

// The session ended: to the sign-in, and back after it.
function useSignedOut() {
	const navigate = useNavigate();
	const at = useLocation();
	useEffect(() => {
		const onEnd = () => {
			if (["/signin", "/install", "/activate"].includes(at.pathname)) return;
			void navigate(`/signin?next=${encodeURIComponent(at.pathname)}`, { replace: true });
		};
		addEventListener("signed-out", onEnd);
		return () => removeEventListener("signed-out", onEnd);
	}, [navigate, at.pathname]);
}

export function Routing() {
	useSignedOut();
	return (
		<Guard>
			<Suspense fallback={<Waiting />}>
				<Routes>
					<Route path="/install" element={<Setup />} />
					<Route path="/signin" element={<SignIn />} />
					<Route path="/activate" element={<Activate />} />
					<Route element={<Shell />}>
						<Route path="/" element={<Navigate to="/apps" replace />} />
						<Route path="/apps" element={<Apps />} />
						<Route path="/app/:id" element={<Navigate to="test" replace />} />
						<Route path="/app/:id/:tab" element={<AppPage />} />
						<Route path="/models" element={<Models />} />
						<Route path="/tools" element={<Tools />} />
						<Route path="/members" element={<Members />} />
						<Route path="/account" element={<Account />} />
						<Route path="*" element={<Missing />} />
					</Route>
				</Routes>
			</Suspense>
		</Guard>
	);
}
