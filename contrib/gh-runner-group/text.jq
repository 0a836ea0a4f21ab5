# Writes an answer of the server for people: its sentence, its fields, its tables. $usage is
# how the command is written in a comment, or "".

# Replaces control characters, which steer a terminal, and invisible ones.
def clean:
  explode | map(
    if . == 10 or . >= 32 and . < 127 or . > 159 and . != 173 and (. < 8203 or . > 8207) and (. < 8232 or . > 8238)
      and (. < 8288 or . > 8303) and . != 65279 and (. < 917504 or . > 917631)
    then . else 65533 end) | implode;

def words: gsub("(?<a>[a-z])(?<b>[A-Z])"; "\(.a) \(.b)") | gsub("_"; " ") | ascii_downcase;
def cell:
  if type == "array" then if length == 0 then "none" else map(cell) | join(", ") end
  elif type == "object" then
    (.name | cell) + ([to_entries[] | if .value == true then .key | words elif .value | type == "array" then "\(.key | words): \(.value | cell)" else empty end]
      | if length > 0 then " (\(join(", ")))" else "" end)
  elif . == null then ""
  else tostring | gsub("\\s+"; " ") end;

# Aligns rows of cells.
def aligned:
  . as $rows
  | [range($rows[0] | length) as $i | [$rows[][$i] | length] | max] as $widths
  | $rows[] | [range(length) as $i | .[$i] + " " * ($widths[$i] - (.[$i] | length))] | join("  ") | sub(" +$"; "");

# Writes an array of objects, without columns that are empty and ids, which are for programs.
def table:
  . as $objects
  | reduce (.[] | keys_unsorted[]) as $key ([]; if any(.[]; . == $key) then . else . + [$key] end)
  | map(select((test("^id$|I[dD]$") | not) and (. as $key | any($objects[][$key]; cell != ""))))
  | . as $columns
  | [($columns | map(words | ascii_upcase))] + [$objects[] as $o | $columns | map($o[.] | cell)] | aligned;

def objects_in: type == "array" and length > 0 and all(.[]; type == "object");
def lines_in: type == "array" and any(.[]; type == "string" and test(" "));

# Whether the sentence already says what the value says.
def said_in($sentence): [if type == "array" then .[] else . end] | all(.[]; cell as $text | (type != "object" or $text != "") and ($sentence | contains($text)));

def fields:
  (.message // "" | tostring) as $message
  | del(.message) | to_entries
  | map(select($message == "" and (.key | endswith("Details") | not) or .value != [] and (.value | said_in($message) | not)))
  | (select($message != "") | $message),
    (map(select(.value | objects_in or lines_in | not) | [(.key | words), (.value | cell)]) | select(length > 0) | aligned),
    (.[] | select(.value | lines_in) | "", (.key | words) + ":", (.value[] | tostring)),
    (.[] | select(.value | objects_in) | "", (.value | table));

def in_shell: sub("^/[^ ]+"; "gh runner-group");
def usage: .usage | in_shell;
# The usage of the REST channel, in a refusal, as that of this program.
def without_rest: if $usage == "" then . else sub("`[A-Z]+ /api/v1/[^`]*`"; "`\($usage | in_shell)`") end;
def help:
  if length == 1 then
    .[0] | usage, "", "\(.summary). \(.details // "")",
      (.arguments | select(length > 0) | "", (map([("--" + .name), (.doc + if .required then " (needed)" else "" end)]) | aligned))
  else (map([.name, .summary]) | aligned), "", "gh runner-group help COMMAND explains one."
  end,
  "",
  "--json shows the answer as it is, --server URL is instead of ARM_URL, --hostname HOST is whose token gh gives.";

[if .Error then
   "\(.Error | tostring | without_rest) (request \(.RequestID))",
   (.Error as $error | .Items[]? | select(.Error and (.Item as $item | $error | contains($item) | not)) | "  \(.Item): \(.Error)")
 elif .Response | type == "object" then .Response | if .commands | objects_in then .commands | help else fields end
 else .Response | tostring end]
| join("\n") | ltrimstr("\n") | clean
