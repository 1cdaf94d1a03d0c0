/**
 * A scale of colours from blue to yellow whose lightness rises in even steps: told apart by whoever sees light and dark,
 * in grey print too. Made in OKLCH (Björn Ottosson, "A perceptual color space for image processing", 2020); where the
 * screen cannot show a colour, its chroma gives way and its lightness stays.
 */
export type Rgb = [number, number, number];

const STEPS = 256;
const CHROMA = 0.17;
/** Lightness from what is nothing to what is most: from the page's ground away. */
const DARK: [number, number] = [0.2, 0.95];
const LIGHT: [number, number] = [0.97, 0.25];
const BLUE = 280;
const YELLOW = 100;

/** 256 colours, the ground's first. */
export function scale(dark: boolean): Rgb[] {
  const [from, to] = dark ? DARK : LIGHT;
  return Array.from({ length: STEPS }, (_, i) => {
    const l = from + ((to - from) * i) / (STEPS - 1);
    // Hue goes with lightness, not with the value: blue is dark and yellow is light in both.
    const share = (l - 0.2) / 0.77;
    // What is nothing has hardly a colour: the page's ground, not a field of it.
    const chroma = CHROMA * Math.min(1, 0.15 + (2 * i) / (STEPS - 1));
    return oklch(l, chroma, BLUE + (YELLOW - BLUE) * share);
  });
}

export function oklch(l: number, chroma: number, hue: number): Rgb {
  const h = (hue * Math.PI) / 180;
  for (let c = chroma; c > 0; c -= 0.005) {
    const rgb = linear(l, c * Math.cos(h), c * Math.sin(h));
    if (rgb.every((v) => v >= -1e-4 && v <= 1 + 1e-4)) return rgb.map(gamma) as Rgb;
  }
  return linear(l, 0, 0).map(gamma) as Rgb;
}

function linear(l: number, a: number, b: number): Rgb {
  const [p, q, r] = [
    (l + 0.3963377774 * a + 0.2158037573 * b) ** 3,
    (l - 0.1055613458 * a - 0.0638541728 * b) ** 3,
    (l - 0.0894841775 * a - 1.291485548 * b) ** 3,
  ];
  return [
    4.0767416621 * p - 3.3077115913 * q + 0.2309699292 * r,
    -1.2684380046 * p + 2.6097574011 * q - 0.3413193965 * r,
    -0.0041960863 * p - 0.7034186147 * q + 1.707614701 * r,
  ];
}

function gamma(v: number): number {
  const c = Math.min(1, Math.max(0, v));
  return Math.round(255 * (c <= 0.0031308 ? 12.92 * c : 1.055 * c ** (1 / 2.4) - 0.055));
}

/** OKLab lightness of a colour, 0 to 1. */
export function lightness([r, g, b]: Rgb): number {
  const [x, y, z] = [r, g, b].map((v) => {
    const c = v / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Rgb;
  const p = Math.cbrt(0.4122214708 * x + 0.5363325363 * y + 0.0514459929 * z);
  const q = Math.cbrt(0.2119034982 * x + 0.6806995451 * y + 0.1073969566 * z);
  const s = Math.cbrt(0.0883024619 * x + 0.2817188376 * y + 0.6299787005 * z);
  return 0.2104542553 * p + 0.793617785 * q - 0.0040720468 * s;
}
