// The timers that wait, the first due in front: a binary heap, so that ten thousand of them are no more
// work each than ten. Each timer knows its place in it.
(function () {
"use strict";
const { ObjectSetPrototypeOf } = __bootstrap.primordials;

/** A heap whose places nobody else can define: a tenant's code may put accessors on `Array.prototype`. */
function newHeap() {
  return ObjectSetPrototypeOf([], null);
}

/** Of two that are due together the older goes first. */
function isBefore(timer, other) {
  return timer.due < other.due || (timer.due === other.due && timer.order < other.order);
}

function put(heap, timer, place) {
  heap[place] = timer;
  timer.place = place;
}

/** Puts a timer at a place or further in front, where it belongs. */
function rise(heap, timer, place) {
  while (place > 0) {
    const above = (place - 1) >>> 1;
    if (!isBefore(timer, heap[above])) {
      break;
    }
    put(heap, heap[above], place);
    place = above;
  }
  put(heap, timer, place);
}

/** Puts a timer at a place or further behind, where it belongs. */
function sink(heap, timer, place) {
  for (;;) {
    let below = 2 * place + 1;
    if (below >= heap.length) {
      break;
    }
    if (below + 1 < heap.length && isBefore(heap[below + 1], heap[below])) {
      below++;
    }
    if (!isBefore(heap[below], timer)) {
      break;
    }
    put(heap, heap[below], place);
    place = below;
  }
  put(heap, timer, place);
}

function add(heap, timer) {
  rise(heap, timer, heap.length);
}

/** Takes a timer out, wherever it is. */
function remove(heap, timer) {
  const last = heap[heap.length - 1];
  heap.length--;
  if (last === timer) {
    return;
  }
  const { place } = timer;
  if (place > 0 && isBefore(last, heap[(place - 1) >>> 1])) {
    rise(heap, last, place);
  } else {
    sink(heap, last, place);
  }
}

return { add, newHeap, remove };
})();
