/** The page of a photo that somebody shared. */

import { compare } from "./compare.js";

compare(document.querySelector("[data-compare]"));
