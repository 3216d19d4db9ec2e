export default {
  fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === "/") {
      return new Response("Hello from Isolane!\n");
    }
    return new Response(`Nothing at ${pathname}\n`, { status: 404 });
  },
};
