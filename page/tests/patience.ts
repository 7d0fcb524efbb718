/** What waits for the page waits long: a machine may be busy with much else. */
import { configure } from "@testing-library/dom";

configure({ asyncUtilTimeout: 60_000 });
