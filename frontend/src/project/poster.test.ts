import { expect, test } from "vitest";

import { firstRender } from "./poster";

test("finds the render of the first row, however many rows there are", () => {
  expect(firstRender(964, 1452, 480 / 360)).toEqual({ x: 484, width: 480, height: 360 });
  expect(firstRender(964, 360, 480 / 360)).toEqual({ x: 484, width: 480, height: 360 });
  expect(firstRender(724, 964, 360 / 480)).toEqual({ x: 364, width: 360, height: 480 });
});
