// What the page asks the simulator.

export class Refusal extends Error {}

async function ask(path, options) {
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Refusal("模拟器没有响应");
  }
  const body = await response.json().catch(() => ({}));
  if (!response.ok) throw new Refusal(body.error || `模拟器返回 ${response.status}`);
  return body;
}

export const get = (path, query = {}, signal = undefined) =>
  ask(`${path}?${new URLSearchParams(query)}`, { signal });

export const post = (path, body) =>
  ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

export const remove = (path) => ask(path, { method: "DELETE" });
