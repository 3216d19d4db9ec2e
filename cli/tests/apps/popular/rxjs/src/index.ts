import { bufferCount, catchError, concatMap, defer, delay, firstValueFrom, from, fromEvent, interval, lastValueFrom, map, merge, mergeMap, of, reduce, retry, scan, shareReplay, Subject, switchMap, take, takeUntil, throwError, timeout, timer, toArray, withLatestFrom, zip } from 'rxjs'

export default {
  async fetch() {
    let tries = 0
    const flaky = defer(() => (++tries < 3 ? throwError(() => new Error('not yet')) : of(`after ${tries}`)))
    const target = new EventTarget()
    const events = firstValueFrom(fromEvent(target, 'hit').pipe(take(2), toArray()))
    target.dispatchEvent(new Event('hit'))
    target.dispatchEvent(new Event('hit'))
    const subject = new Subject<number>()
    const shared = subject.pipe(scan((sum, n) => sum + n, 0), shareReplay(1))
    shared.subscribe()
    for (const n of [1, 2, 3]) subject.next(n)
    return Response.json({
      squares: await lastValueFrom(from([1, 2, 3]).pipe(mergeMap(async (n) => n * n), reduce((all, n) => [...all, n], [] as number[]))),
      ticks: await lastValueFrom(interval(1).pipe(take(4), bufferCount(2), toArray())),
      merged: await lastValueFrom(merge(of('a').pipe(delay(4)), of('b')).pipe(toArray())),
      retried: await firstValueFrom(flaky.pipe(retry(5))),
      timedOut: await firstValueFrom(timer(1000).pipe(timeout(3), catchError((error) => of(error.name)))),
      switched: await lastValueFrom(from([1, 2]).pipe(switchMap((n) => timer(1).pipe(map(() => n))), toArray())),
      zipped: await lastValueFrom(zip([1, 2], ['x', 'y']).pipe(concatMap((it) => of(it)), toArray())),
      until: await lastValueFrom(interval(1).pipe(takeUntil(timer(50)), withLatestFrom(of('z')), take(1))),
      shared: await firstValueFrom(shared),
      events: (await events).length,
    })
  },
} satisfies ExportedHandler
