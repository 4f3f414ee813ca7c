import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { fault, GENERATE, indices, REFINE, typed, type Bounds } from "./fields";

interface Property {
  default?: number;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  anyOf?: Property[];
}

const description = JSON.parse(readFileSync("openapi.json", "utf8")) as {
  components: { schemas: Record<string, { properties: Record<string, Property> }> };
};

test.each([
  ["GenerateParameters", GENERATE],
  ["RefineParameters", REFINE],
])("%s: the form's bounds and defaults are the API's", (schema, fields: Record<string, Bounds>) => {
  const properties = description.components.schemas[schema]?.properties ?? {};
  for (const [name, bounds] of Object.entries(fields)) {
    const property = properties[name];
    const stated = property?.anyOf?.[0] ?? property;
    expect(property, name).toBeDefined();
    expect([name, stated?.minimum ?? stated?.exclusiveMinimum]).toEqual([name, bounds.least]);
    expect([name, stated?.maximum ?? (stated?.exclusiveMaximum ?? 0) - 1]).toEqual([name, bounds.most]);
    expect([name, property?.default ?? null]).toEqual([name, bounds.usual]);
  }
});

test("what is typed is told apart from nothing", () => {
  expect(typed(" 200 ")).toBe(200);
  expect(typed("")).toBeNull();
  expect(fault("", GENERATE.iterations)).toBeNull();
  expect(fault("0", GENERATE.iterations)).toBe("From 1 to 100,000.");
  expect(fault("1.5", GENERATE.iterations)).toBe("A whole number.");
  expect(fault("0.5", REFINE.strength, false)).toBeNull();
});

test("indices are read as people write them", () => {
  expect(indices("0, 3 5-7,3")).toEqual([0, 3, 5, 6, 7]);
  expect(indices("")).toEqual([]);
  expect(indices("a")).toBeNull();
  expect(indices("7-5")).toBeNull();
});
