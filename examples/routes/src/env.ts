/** What `isolane.toml` puts into `env`. */
export interface Env {
  GREETING: string;
  MENU: Dish[];
}

export interface Dish {
  name: string;
  price: number;
}
