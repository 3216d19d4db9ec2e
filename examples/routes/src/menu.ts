import type { Dish, Env } from "./env.ts";
import type { Context } from "./router.ts";

export function list({ env }: Context<Env>): Response {
  return Response.json(env.MENU.map((dish) => dish.name));
}

export function show({ env, params }: Context<Env>): Response {
  const dish = find(env.MENU, params.name);
  return dish ? Response.json(dish) : new Response("Not on the menu\n", { status: 404 });
}

export async function order({ request, env }: Context<Env>): Promise<Response> {
  const names: string[] = await request.json();
  const total = names.reduce((sum, name) => sum + (find(env.MENU, name)?.price ?? 0), 0);
  return Response.json({ dishes: names.length, total }, { status: 201 });
}

function find(menu: Dish[], name: string | undefined): Dish | undefined {
  return menu.find((dish) => dish.name === name);
}
