export function Page({ guests }: { guests: string[] }) {
  return (
    <html>
      <body>
        <h1>Guests</h1>
        {guests.length === 0 ? <p>nobody yet</p> : <ul>{guests.map((it) => <li>{it}</li>)}</ul>}
      </body>
    </html>
  );
}
