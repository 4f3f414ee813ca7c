import "./viewer.css";

import { useCallback, useEffect, useMemo, useRef, useState } from "react";

import { type Blending, PhotoLayer, PhotoPanel } from "./controls/photo";
import { IconButton } from "./controls/button";
import { Help } from "./controls/help";
import { Layers } from "./controls/layers";
import { Menu } from "./controls/menu";
import { SplitHandle } from "./controls/split-handle";
import { Failure, Offer, Progress } from "./controls/states";
import { asksFirst, colourOf, useFullScreen, useKeyboard, useSize, useTheme } from "./element";
import { useComparison, useLayers } from "./extras";
import { download, fileName, picture } from "./picture";
import { useSession } from "./session";
import type { CameraFrame, ViewerProps } from "./types";

const NO_CAMERAS: readonly CameraFrame[] = [];
const ZOOM_STEP = 0.85;

/**
 * A model to turn. `data-viewer-state` on its element: waiting (for a tap), loading, ready, error; `data-settled` and
 * `data-frames` on its canvas say whether the last frame is complete, and how many were drawn.
 */
export function Viewer(props: ViewerProps) {
  const { model, posterUrl, cameras = NO_CAMERAS, compareWith, controls = "full", load = "auto", title = "3D model" } = props;
  const root = useRef<HTMLElement>(null);
  const host = useRef<HTMLDivElement>(null);
  const [tapped, setTapped] = useState(false);
  const [attempt, setAttempt] = useState(0);
  const [help, setHelp] = useState(false);
  const [flying, setFlying] = useState(false);
  const [share, setShare] = useState(0.5);
  const [blending, setBlending] = useState<Blending>({ mode: "blend", opacity: 0.5, share: 0.5 });
  const [said, setSaid] = useState<string | null>(null);
  const wanted = tapped || load === "eager" || (load === "auto" && !asksFirst());
  const session = useSession(host, props, wanted, attempt);
  const { engine, phase, standing, hovered } = session;
  const layers = useLayers(session, props, setSaid);
  const compared = useComparison(engine, compareWith ?? null, setSaid);
  const size = useSize(host);
  const screen = useFullScreen(root);
  const standsIn = standing === null ? undefined : cameras[standing];

  const behind = (props.background ?? "black") === "black" && layers.shown.splats ? "black" : "page";

  useTheme(
    useCallback(() => {
      const element = host.current;
      if (engine && element && behind) engine.paint(colourOf(element, "--mqv-lines"), colourOf(element, "--mqv-marked"));
    }, [engine, behind]),
  );
  useEffect(() => engine?.setSplit(share), [engine, share]);
  useEffect(() => engine?.setFrames(cameras), [engine, cameras]);
  useEffect(() => engine?.setFlying(flying), [engine, flying]);
  useEffect(() => {
    if (!said) return;
    const timer = setTimeout(() => setSaid(null), 6000);
    return () => clearTimeout(timer);
  }, [said]);

  const retry = async () => {
    await props.onRetry?.();
    setAttempt((before) => before + 1);
  };
  const step = (by: number) => cameras.length > 0 && engine?.stand(((standing ?? (by > 0 ? -1 : 0)) + by + cameras.length) % cameras.length);
  const save = async () => {
    const render = await engine?.picture();
    if (!render || !root.current) return;
    const photo = root.current.querySelector<HTMLImageElement>(".mqv-photo");
    download(await picture({ render, behind: host.current!, split: compared ? share : null, photo, blending }), fileName(title));
  };
  const saveStart = async () => {
    if (!engine) return;
    try {
      await props.onSaveStart?.(engine.start);
    } catch (failure) {
      return setSaid(`It was not saved. ${failure instanceof Error ? failure.message : ""}`);
    }
    engine.makeHome();
    setSaid("Looking at the model begins here from now on, for everybody who is shown it.");
  };

  const shortcuts: Record<string, () => void> = {
    f: () => engine?.frame(),
    r: () => engine?.reset(),
    o: () => setFlying(!flying),
    p: () => void save(),
    "?": () => setHelp(!help),
    "[": () => step(-1),
    "]": () => step(1),
    "+": () => engine?.zoom(ZOOM_STEP),
    "=": () => engine?.zoom(ZOOM_STEP),
    "-": () => engine?.zoom(1 / ZOOM_STEP),
    Enter: screen.toggle,
    Escape: () => (help ? setHelp(false) : engine?.stand(null)),
  };
  useKeyboard(root, (event) => {
    if (!engine || event.ctrlKey || event.metaKey || event.altKey || controls === "none") return;
    const onCanvas = event.target === host.current;
    if (onCanvas && engine.press(event)) return event.preventDefault();
    const layer = layers.names[Number(event.key) - 1];
    const act = layer ? () => layers.toggle(layer) : shortcuts[event.key];
    // Enter on a button presses it; Escape in full screen is the browser's.
    if (!act || (event.key === "Enter" && !onCanvas) || (event.key === "Escape" && !help && standing === null)) return;
    act();
    event.preventDefault();
  });
  useEffect(() => {
    const canvas = host.current;
    if (!canvas || !engine) return;
    const release = (event: KeyboardEvent) => engine.release(event);
    const releaseAll = () => engine.releaseAll();
    canvas.addEventListener("keyup", release);
    canvas.addEventListener("blur", releaseAll);
    return () => {
      canvas.removeEventListener("keyup", release);
      canvas.removeEventListener("blur", releaseAll);
    };
  }, [engine]);

  const moves = useMemo(
    () => [
      { label: "Set up from this view", says: "What is up on the screen is up from now on", onChoose: () => engine?.setUpFromView() },
      { label: "Turn upside down", onChoose: () => engine?.flipUp() },
      { label: "Tip on its side", onChoose: () => engine?.tipOver() },
    ],
    [engine],
  );
  const menu = props.onSaveStart ? [...moves, { label: "Begin here", says: "Save this view, and what is up in it, for everybody", onChoose: () => void saveStart() }] : moves;
  const ready = phase === "ready";

  return (
    <section
      ref={root}
      className={`mqv ${screen.window ? "mqv-window" : ""} ${props.className ?? ""}`}
      aria-label={title}
      data-viewer-state={phase}
    >
      <div
        ref={host}
        className="mqv-canvas"
        data-behind={behind}
        role="application"
        aria-roledescription="3D view"
        aria-label={`${title}. Drag or use the arrow keys to turn${controls === "none" ? "" : ", press ? for all keys"}.`}
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- an application is what one interacts with
        tabIndex={ready ? 0 : -1}
        style={{ cursor: hovered === null ? undefined : "pointer" }}
      />
      {posterUrl && !ready && <img className="mqv-poster" src={posterUrl} alt="" />}
      {standsIn && <PhotoLayer key={standsIn.name} frame={standsIn} size={size} blending={blending} />}
      {standsIn && blending.mode === "split" && (
        <SplitHandle share={blending.share} left="Photo" right="Render" label="Photo and render" onChange={(to) => setBlending({ ...blending, share: to })} />
      )}
      {compared && !(standsIn && blending.mode === "split") && (
        <SplitHandle share={share} left={model.label ?? "This version"} right={compareWith?.label ?? "The other version"} label="Compare versions" onChange={setShare} />
      )}
      {hovered !== null && hovered !== standing && <p className="mqv-note">{cameras[hovered]?.name}</p>}
      {said && (
        <p className="mqv-note" role="status">
          {said}
        </p>
      )}

      {phase === "waiting" && !wanted && <Offer bytes={model.bytes} onLoad={() => setTapped(true)} />}
      {(phase === "loading" || (ready && session.progress)) && <Progress progress={session.progress} />}
      {phase === "error" && session.error && <Failure error={session.error} onRetry={() => void retry()} />}

      {ready && controls === "full" && <Layers layers={layers.names} shown={layers.shown} busy={layers.busy} onToggle={layers.toggle} />}
      {ready && controls !== "none" && (
        <>
          <div className="mqv-bar mqv-moves" role="toolbar" aria-label="View">
            <IconButton icon="frame" label="Show all of it" shortcut="F" onClick={() => engine?.frame()} />
            <IconButton icon="reset" label="Back to the start" shortcut="R" onClick={() => engine?.reset()} />
            {controls === "full" && (
              <>
                <IconButton icon="fly" label="Look about instead of turning it" shortcut="O" pressed={flying} onClick={() => setFlying(!flying)} />
                <Menu icon="view" label="Up and start" items={menu} />
                <IconButton icon="picture" label="Save a picture" shortcut="P" onClick={() => void save()} />
              </>
            )}
            <IconButton icon="help" label="How to move" shortcut="?" onClick={() => setHelp(!help)} />
            <IconButton icon={screen.full ? "small" : "full"} label={screen.full ? "Leave full screen" : "Full screen"} shortcut="Enter" onClick={screen.toggle} />
          </div>
          {standsIn && (
            <PhotoPanel
              frame={standsIn}
              position={`${standing! + 1} of ${cameras.length}`}
              blending={blending}
              onBlend={setBlending}
              onStep={step}
              onLeave={() => engine?.stand(null)}
            />
          )}
        </>
      )}
      {help && <Help onClose={() => setHelp(false)} />}
    </section>
  );
}
