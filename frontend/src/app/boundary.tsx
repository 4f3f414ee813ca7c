import { Component, type ReactNode } from "react";

import { Failed } from "@/ui/states";

/** A page's code could not be fetched (the server was updated, the line broke), or a page failed while it was drawn. */
export class Boundary extends Component<{ children: ReactNode }, { failure: Error | null }> {
  override state = { failure: null as Error | null };

  static getDerivedStateFromError(failure: Error) {
    return { failure };
  }

  override render() {
    if (!this.state.failure) return this.props.children;
    return (
      <div className="mx-auto max-w-2xl py-6">
        <Failed failure={this.state.failure} retry={() => location.reload()} retryLabel="Load the page again" />
      </div>
    );
  }
}
