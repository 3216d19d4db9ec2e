export default defineEventHandler((event) => sendRedirect(event, '/notes/1', 301))
