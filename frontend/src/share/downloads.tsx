import type { Shared } from "@/api/connection";
import { buttonLook } from "@/ui/button";
import { bytes } from "@/ui/format";
import { IconDownload } from "@/ui/icons";
import { Menu, MenuItem } from "@/ui/menu";
import { toastFailure } from "@/ui/toast";

const MARGIN_MS = 10_000;

interface DownloadsProps {
  shared: Shared;
  /** Asks for new addresses; undefined where the link has ended meanwhile. */
  fresh: () => Promise<Shared | undefined>;
}

/** The files that the owner offers with the link. */
export function Downloads({ shared, fresh }: DownloadsProps) {
  async function save(format: string): Promise<void> {
    const from = stillGood(shared) ? shared : await fresh();
    const file = from?.formats.find((one) => one.format === format);
    // The answer says that it is to be saved, so the page stays.
    if (file?.download_url) location.assign(file.download_url);
  }
  return (
    <Menu
      trigger={
        <button type="button" className={buttonLook("primary", "sm")} aria-label="Download">
          <IconDownload />
          <span className="hidden sm:inline">Download</span>
        </button>
      }
    >
      {shared.formats.map((file) => (
        <MenuItem key={file.format} icon={<IconDownload />} onSelect={() => void save(file.format).catch(toastFailure)}>
          <span className="grow">.{file.format}</span>
          <span className="pl-4 text-ink-soft tabular-nums">{bytes(file.bytes)}</span>
        </MenuItem>
      ))}
    </Menu>
  );
}

function stillGood(shared: Shared): boolean {
  return Date.parse(shared.urls_expire_at) - Date.now() > MARGIN_MS;
}
