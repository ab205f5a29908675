// JSON that is read and written again without a change: a number that a double cannot hold stays as it was written.

function kept(key, value, context) {
  const isRounded = typeof value === "number" && context?.source && String(value) !== context.source;
  return isRounded && JSON.rawJSON ? JSON.rawJSON(context.source) : value;
}

export const parse = (text) => JSON.parse(text, kept);

export const write = (value) => JSON.stringify(value, null, 2);

export const asList = (value) => (Array.isArray(value) ? value : []);

export const asObject = (value) => (value && typeof value === "object" && !Array.isArray(value) ? value : {});

// A column may be called `constructor`, which every object has.
export const own = (object, name) => (Object.hasOwn(asObject(object), name) ? object[name] : undefined);
