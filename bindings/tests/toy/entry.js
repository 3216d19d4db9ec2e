// Has the script of the toy in the snapshot.

import { core } from "ext:core/mod.js";

core.loadExtScript("ext:toy/toy.js");
