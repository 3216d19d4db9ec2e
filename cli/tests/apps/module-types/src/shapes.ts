export enum Shape { Circle = 1, Square }

namespace Geometry {
  export const square = (side: number) => side ** 2
}

function rounded<T extends (...args: any[]) => number>(f: T, _context: unknown) {
  return ((...args) => Math.round(f(...args))) as T
}

class Measure {
  constructor(private readonly scale: number, public count = 0) {}
  declare unset: string
  of(shape: Shape, size: number): number {
    this.count += 1
    return this.scale * (shape === Shape.Square ? Geometry.square(size) : Math.PI * size ** 2)
  }
}

const measure = new Measure(1)
export const area = rounded((shape: Shape, size: number) => measure.of(shape, size), null)
