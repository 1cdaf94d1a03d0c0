import { describe, expect, test } from "vitest";
import { lightness, scale } from "../../src/lib/colour-scale";
import { cellAt, paint, reach, spans, summits, ticks } from "../../src/lib/heat";

describe("the scale of colours", () => {
  for (const dark of [true, false]) {
    test(`rises in even steps of lightness: ${dark ? "dark" : "light"}`, () => {
      const of = scale(dark).map(lightness);
      const step = (of[255]! - of[0]!) / 255;
      expect(Math.abs(of[255]! - of[0]!)).toBeGreaterThan(0.65);
      for (let i = 1; i < of.length; i++) {
        expect(Math.abs(of[i]! - of[i - 1]! - step)).toBeLessThan(0.006);
        expect(Math.abs(of[i]! - (of[0]! + i * step))).toBeLessThan(0.012);
      }
    });
  }

  test("begins at the page's ground", () => {
    expect(lightness(scale(true)[0]!)).toBeLessThan(0.25);
    expect(lightness(scale(false)[0]!)).toBeGreaterThan(0.9);
  });
});

const field = { x0: 0, dx: 1, columns: 4, y0: 10, dy: 5, rows: 2, values: [0, 1, 2, 3, 9, 5, 6, 7] };

describe("maps", () => {
  test("the cell at a place", () => {
    expect(cellAt(field, 2.4, 14.9)).toEqual({ column: 2, row: 1, value: 6 });
    expect([cellAt(field, -0.6, 10), cellAt(field, 0, 18)]).toEqual([undefined, undefined]);
  });

  test("every pixel covers a cell and every cell a pixel", () => {
    expect(spans(4, 2)).toEqual([[0, 2], [2, 4]]);
    expect(spans(2, 4)).toEqual([[0, 1], [0, 1], [1, 2], [1, 2]]);
    expect(spans(3, 2).flat()).toEqual([0, 1, 1, 3]);
  });

  test("row 0 is at the bottom and the highest value of a pixel wins", () => {
    const out = new Uint8ClampedArray(2 * 2 * 4);
    const grey = Array.from({ length: 10 }, (_, i): [number, number, number] => [i, i, i]);
    paint(field, [0, 9], grey, out, 2, 2);
    expect([out[0], out[4], out[8], out[12], out[3]]).toEqual([9, 7, 1, 3, 255]);
  });

  test("colours reach from the floor to the highest, also of what is one value or none", () => {
    expect(reach(Float32Array.from({ length: 100 }, (_, i) => i))).toEqual([50, 99]);
    expect(reach([5, 5])).toEqual([4, 5]);
    expect(reach([])).toEqual([0, 1]);
  });

  test("ticks are round numbers", () => {
    expect(ticks(0, 1000, 5)).toEqual([0, 200, 400, 600, 800, 1000]);
    expect(ticks(-1, 1, 4)).toEqual([-1, -0.5, 0, 0.5, 1]);
    expect(ticks(3, 3, 4)).toEqual([3]);
  });

  test("summits are higher than their neighbours", () => {
    expect(summits(field, 5)).toEqual([{ column: 0, row: 1, value: 9 }, { column: 3, row: 1, value: 7 }]);
  });
});
