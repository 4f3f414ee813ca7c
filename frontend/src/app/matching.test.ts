import { expect, test } from "vitest";

import { match } from "./matching";

test.each([
  ["/", "/", {}],
  ["/projects/new", "/projects/new/", {}],
  ["/projects/:projectId", "/projects/a%20b", { projectId: "a b" }],
  ["/v/:shareKey", "/v/%E0%A4%A", { shareKey: "%E0%A4%A" }],
])("%s takes %s", (pattern, path, found) => expect(match(pattern, path)).toEqual(found));

test.each([
  ["/", "/projects"],
  ["/projects/:projectId", "/projects"],
  ["/projects/:projectId", "/projects/a/b"],
  ["/projects/:projectId", "/v/a"],
])("%s does not take %s", (pattern, path) => expect(match(pattern, path)).toBeNull());
