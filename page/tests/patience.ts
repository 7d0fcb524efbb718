/** Generous timeouts for tests of the page, because the machine may be busy. */
import { configure } from "@testing-library/dom";

configure({ asyncUtilTimeout: 60_000 });
