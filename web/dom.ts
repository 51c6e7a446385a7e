// Elements without a framework: one function that makes an element with attributes, listeners and children.

type Child = Node | string | undefined;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** An element: attributes by name, `on…` functions as listeners; false and undefined leave an attribute out. */
export function el<K extends keyof HTMLElementTagNameMap>(
  name: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(key.slice(2), value);
    else if (value === true) element.setAttribute(key, "");
    else if (value !== undefined && value !== false) element.setAttribute(key, String(value));
  }
  element.append(...children.filter((child) => child !== undefined));
  return element;
}

/** The element with this id, which the page has. */
export function byId(id: string): HTMLElement {
  const element = document.getElementById(id);
  if (!element) throw new Error(`the page has no #${id}`);
  return element;
}

/** 0x… with at least `digits` digits. */
export function hex(value: bigint, digits = 1): string {
  return `0x${value.toString(16).padStart(digits, "0")}`;
}

/** 1234567 -> "1,234,567". */
export function grouped(value: number): string {
  return Math.round(value).toLocaleString("en-US");
}
