import { addMonths, differenceInBusinessDays, eachWeekOfInterval, format, formatDistance, formatISO, parse, parseISO } from 'date-fns'
import { de, ja } from 'date-fns/locale'
import dayjs from 'dayjs'
import relative from 'dayjs/plugin/relativeTime'
import timezone from 'dayjs/plugin/timezone'
import utc from 'dayjs/plugin/utc'
import { DateTime, Duration, Interval } from 'luxon'

dayjs.extend(utc)
dayjs.extend(timezone)
dayjs.extend(relative)

export default {
  async fetch() {
    const date = new Date(Date.UTC(2026, 1, 28, 13, 5, 6))
    const time = DateTime.fromISO('2026-03-29T01:30:00', { zone: 'Europe/Berlin' })
    return Response.json({
      dateFns: [format(date, 'EEEE, do MMMM yyyy HH:mm', { locale: de }), format(date, 'PPPP', { locale: ja }), formatDistance(0, date, { locale: de }), addMonths(date, 1).toISOString(), formatISO(parse('31/12/25', 'dd/MM/yy', date), { representation: 'date' }), differenceInBusinessDays(parseISO('2026-03-09'), date), eachWeekOfInterval({ start: date, end: addMonths(date, 1) }).length],
      luxon: [time.toISO(), time.plus({ hours: 1 }).toISO(), time.isInDST, time.setLocale('fr').toLocaleString(DateTime.DATETIME_FULL), Duration.fromObject({ hours: 25, minutes: 61 }).normalize().toISO(), Interval.after(time, { days: 3 }).length('hours'), DateTime.fromHTTP('Sun, 06 Nov 1994 08:49:37 GMT').toUTC().toISO(), time.setZone('Asia/Kathmandu').toFormat('yyyy-LL-dd HH:mm ZZZZ')],
      dayjs: [dayjs.utc(date).format('YYYY-MM-DDTHH:mm:ssZ'), dayjs.tz('2026-07-01 12:00', 'America/New_York').toISOString(), dayjs.utc(date).from(dayjs.utc(0)), dayjs.utc(date).tz('Pacific/Auckland').format('DD.MM. HH:mm')],
      zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    })
  },
} satisfies ExportedHandler
