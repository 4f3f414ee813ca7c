import { buttonLook } from "@/ui/button";
import { Empty } from "@/ui/states";

import { Link } from "./navigation";

export function Lost() {
  return (
    <Empty
      title="There is no page at this address"
      text="A project may have been deleted, or the address was cut short."
      action={
        <Link to="/" className={buttonLook("primary")}>
          To your projects
        </Link>
      }
    />
  );
}
