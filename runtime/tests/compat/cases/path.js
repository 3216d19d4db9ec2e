import path, { basename, dirname, extname, format, isAbsolute, join, normalize, parse, posix, relative, resolve, sep, win32 } from "node:path";
import posixModule from "node:path/posix";
import win32Module from "node:path/win32";
const many = ["", ".", "..", "/", "//", "a", "a/", "/a/b/c.txt", "a//b/../c", "./a/./b", "../../x", "/..", "a.b.c", ".hidden", ".hidden.x", "dir.d/file", "a\\b", "C:\\a\\b.txt", "C:a", "\\\\server\\share\\x", "c:/x/../y", "/a/b/"];
export default [
  () => path === posix && posix === posixModule && win32 === win32Module,
  () => [sep, path.delimiter, win32.sep, win32.delimiter],
  () => many.map((p) => basename(p)),
  () => many.map((p) => dirname(p)),
  () => many.map((p) => extname(p)),
  () => many.map((p) => normalize(p)),
  () => many.map((p) => isAbsolute(p)),
  () => many.map((p) => parse(p)),
  () => many.map((p) => win32.basename(p)),
  () => many.map((p) => win32.dirname(p)),
  () => many.map((p) => win32.extname(p)),
  () => many.map((p) => win32.normalize(p)),
  () => many.map((p) => win32.isAbsolute(p)),
  () => many.map((p) => win32.parse(p)),
  () => [basename("/a/b.html", ".html"), basename("b.html", "html"), basename("a", "a")],
  () => [join("a", "..", "..", "b"), join(""), join("/a", "/b"), join("a", "", "b")],
  () => [win32.join("a", "..", "..", "b"), win32.join("c:", "b"), win32.join("//a", "b")],
  () => [resolve("/a", "b", "../c"), resolve("/a", "/b"), resolve("/a/b/", "./c/")],
  () => [win32.resolve("C:\\a", "..\\b"), win32.resolve("C:\\", "D:\\x", "y")],
  () => [relative("/a/b/c", "/a/d"), relative("/a", "/a"), relative("/a/b", "/a/b/c"), relative("/", "/x")],
  () => [win32.relative("C:\\a\\b", "C:\\a\\c"), win32.relative("C:\\a", "D:\\b")],
  () => [format({ dir: "/a", base: "b.c" }), format({ root: "/", name: "n", ext: ".e" }), format({ root: "/", name: "n", ext: "e" })],
  () => win32.format({ dir: "C:\\a", base: "b" }),
  () => join(1),
  () => basename(undefined),
  () => format(null),
  () => path.toNamespacedPath("/a"),
  () => win32.toNamespacedPath("C:\\a"),
];
