/** What hostile keys would change: the prototypes everything inherits from. */

const PROTOTYPES: Readonly<Record<string, object>> = {
  Object: Object.prototype,
  Array: Array.prototype,
  Function: Function.prototype,
  String: String.prototype,
  Number: Number.prototype,
  Boolean: Boolean.prototype,
  Symbol: Symbol.prototype,
  RegExp: RegExp.prototype,
  Date: Date.prototype,
  Error: Error.prototype,
  Map: Map.prototype,
  Set: Set.prototype,
  Promise: Promise.prototype,
  Uint8Array: Uint8Array.prototype,
};

/** Names and values of a prototype's own properties. */
function propertiesOf(object: object): Map<PropertyKey, unknown> {
  return new Map(
    Reflect.ownKeys(object).map((key) => {
      const found = Reflect.getOwnPropertyDescriptor(object, key);
      return [key, found?.get ?? found?.value] as const;
    }),
  );
}

export interface Intrinsics {
  /** Cheap: what pollution looks like in nearly all cases. Throws. */
  glance(): void;
  /** Every property of every prototype. Throws. */
  inspect(): void;
}

export function watchIntrinsics(): Intrinsics {
  const before = Object.entries(PROTOTYPES).map(([name, prototype]) => ({ name, prototype, properties: propertiesOf(prototype) }));
  return {
    glance() {
      for (const key in {}) throw new Error(`every object has a property ${key} now`);
      if (({} as { polluted?: unknown }).polluted !== undefined) throw new Error('every object has a property polluted now');
    },
    inspect() {
      for (const { name, prototype, properties } of before) {
        const now = propertiesOf(prototype);
        for (const [key, value] of now) if (!Object.is(properties.get(key), value)) throw new Error(`${name}.prototype.${String(key)} was changed`);
        if (now.size !== properties.size) throw new Error(`a property of ${name}.prototype was deleted`);
      }
    },
  };
}
