/** A shallow category tree: departments (top level) and the leaves that listings sit in. */

export interface Department {
  readonly id: string;
  readonly name: string;
  /** Base hue of its pictures, in degrees. */
  readonly hue: number;
}

export interface Leaf {
  readonly id: string;
  readonly name: string;
  readonly department: Department;
}

export const DEPARTMENTS = {
  phones: { id: '15032', name: 'Cell Phones & Accessories', hue: 215 },
  computers: { id: '58058', name: 'Computers/Tablets & Networking', hue: 195 },
  electronics: { id: '293', name: 'Consumer Electronics', hue: 255 },
  home: { id: '11700', name: 'Home & Garden', hue: 95 },
  sports: { id: '888', name: 'Sporting Goods', hue: 20 },
  motors: { id: '6000', name: 'Vehicle Parts & Accessories', hue: 0 },
  pets: { id: '1281', name: 'Pet Supplies', hue: 35 },
  beauty: { id: '26395', name: 'Health & Beauty', hue: 325 },
  toys: { id: '220', name: 'Toys & Hobbies', hue: 50 },
  baby: { id: '2984', name: 'Baby', hue: 170 },
  collectables: { id: '1', name: 'Collectables', hue: 285 },
} as const satisfies Record<string, Department>;

export type DepartmentKey = keyof typeof DEPARTMENTS;

const TOP_LEVEL = new Set<string>(Object.values(DEPARTMENTS).map((department) => department.id));

export function isTopLevel(categoryId: string): boolean {
  return TOP_LEVEL.has(categoryId);
}
