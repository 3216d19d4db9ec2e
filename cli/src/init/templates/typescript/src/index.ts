export default {
  async fetch(request, env, ctx): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url);
    if (pathname !== "/") {
      return Response.json({ error: `there is no ${pathname}` }, { status: 404 });
    }
    const name = searchParams.get("name") ?? "world";
    // What goes on after the response.
    ctx.waitUntil(Promise.resolve().then(() => console.log(`greeted ${name}`)));
    return Response.json({ message: `${env.GREETING}, ${name}!` });
  },
} satisfies ExportedHandler<Env>;
