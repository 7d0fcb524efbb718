/** Pairwise alignments, line by line. */

export interface Line {
  query: string;
  middle: string;
  subject: string;
  queryFrom: number;
  queryTo: number;
  subjectFrom: number;
  subjectTo: number;
}

export interface Aligned {
  query_row: string;
  middle: string;
  subject_row: string;
  query_start: number;
  query_end: number;
  subject_start: number;
  subject_end: number;
}

/** Cuts an alignment into lines. Positions are 1-based, descend on the minus strand, and count 3 per translated letter. */
export function lines(one: Aligned, width = 60): Line[] {
  const query = walker(one.query_row, one.query_start, one.query_end);
  const subject = walker(one.subject_row, one.subject_start, one.subject_end);
  const found: Line[] = [];
  for (let at = 0; at < one.query_row.length; at += width) {
    const [queryPart, subjectPart] = [one.query_row.slice(at, at + width), one.subject_row.slice(at, at + width)];
    const [queryFrom, queryTo] = query(queryPart);
    const [subjectFrom, subjectTo] = subject(subjectPart);
    const rows = { query: queryPart, middle: one.middle.slice(at, at + width), subject: subjectPart };
    found.push({ ...rows, queryFrom, queryTo, subjectFrom, subjectTo });
  }
  return found;
}

/** Returns a function that returns the first and last position of each next part of a row. */
function walker(row: string, start: number, end: number): (part: string) => [number, number] {
  const letters = row.replaceAll("-", "").length;
  const step = letters === 0 ? 1 : Math.round((Math.abs(end - start) + 1) / letters);
  const way = end >= start ? 1 : -1;
  let place = start;
  return (part) => {
    const length = part.replaceAll("-", "").length * step;
    const first = place;
    place += way * length;
    return length === 0 ? [first - way, first - way] : [first, place - way];
  };
}
