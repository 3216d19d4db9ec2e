import add from './add.wasm'
import { logged, upper } from './text.js'

type Calculator = {
  add(a: number, b: number): number
  mul64(a: bigint, b: bigint): bigint
  fib(n: number): number
  trap(): never
}

const calculator = new WebAssembly.Instance(add).exports as Calculator

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    const numbers = url.searchParams.getAll('n')
    switch (url.pathname) {
      case '/add':
        return Response.json(numbers.map(Number).reduce(calculator.add))
      case '/mul':
        return new Response(numbers.map(BigInt).reduce(calculator.mul64).toString())
      case '/fib':
        return Response.json(calculator.fib(Number(numbers[0])))
      case '/upper':
        return Response.json({ text: upper(await request.text()), logged: logged.length > 0 })
      case '/module':
        return Response.json({
          isModule: add instanceof WebAssembly.Module,
          exports: WebAssembly.Module.exports(add).map(({ name, kind }) => `${kind} ${name}`),
        })
      case '/instantiate': {
        const instance = await WebAssembly.instantiate(add)
        return Response.json((instance.exports as Calculator).add(40, 2))
      }
      case '/from-bytes':
        try {
          await WebAssembly.compile(new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0]))
          return new Response('compiled')
        } catch (error) {
          return new Response((error as Error).name, { status: 403 })
        }
      case '/trap':
        try {
          return calculator.trap()
        } catch (error) {
          return Response.json({ name: (error as Error).name, message: (error as Error).message, is: error instanceof WebAssembly.RuntimeError })
        }
    }
    return new Response('not found', { status: 404 })
  },
}
