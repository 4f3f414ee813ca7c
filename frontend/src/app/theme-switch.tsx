import { IconMoon, IconSun, IconSystem } from "@/ui/icons";

import { chooseTheme, useTheme, type Theme } from "./theme";

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };
const LOOKS: Record<Theme, { icon: typeof IconSun; says: string }> = {
  system: { icon: IconSystem, says: "as the system" },
  light: { icon: IconSun, says: "light" },
  dark: { icon: IconMoon, says: "dark" },
};

export function ThemeSwitch() {
  const theme = useTheme();
  const { icon: Icon, says } = LOOKS[theme];
  const label = `Colours: ${says}. Change to ${LOOKS[NEXT[theme]].says}`;
  return (
    <button
      type="button"
      className="grid size-9 place-items-center rounded-md text-ink-soft hover:bg-raised hover:text-ink"
      aria-label={label}
      title={label}
      onClick={() => chooseTheme(NEXT[theme])}
    >
      <Icon />
    </button>
  );
}
