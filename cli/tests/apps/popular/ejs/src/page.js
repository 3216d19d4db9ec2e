// What ejs makes of:
//   <h1><%= title %></h1>
//   <% if (users.length) { %><ul>
//   <% for (const user of users) { %>  <li><%= user %></li>
//   <% } %></ul><% } else { %>nobody<% } %>
//   <%- footer({ count: users.length }) %>
export default function page(locals, escapeFn, include, rethrow) {
"use strict";
  var __output = "";
  function __append(s) { if (s !== undefined && s !== null) __output += s }
  var __locals = (locals || {}),
title = __locals.title,
  users = __locals.users,
  footer = __locals.footer;
    ; __append("<h1>")
    ; __append(escapeFn( title ))
    ; __append("</h1>\n")
    ;  if (users.length) { 
    ; __append("<ul>\n")
    ;  for (const user of users) { 
    ; __append("  <li>")
    ; __append(escapeFn( user ))
    ; __append("</li>\n")
    ;  } 
    ; __append("</ul>")
    ;  } else { 
    ; __append("nobody")
    ;  } 
    ; __append("\n")
    ; __append( footer({ count: users.length }) )
    ; __append("\n")
  return __output;

}
