#!/usr/bin/env bash
# Follows the stream $1 by curl, which comes back with the last id, by hand, until 204 stops it.
last='' status=''
until [ "$status" = 204 ]; do
  while read -r field value; do
    case $field in
      id:) id=$value ;;
      event:) type=$value ;;
      status:) status=$value ;;
      '') [ -z "$id" ] || { echo "$id $type" && last=$id; }; id='' type='' ;;
    esac
  done < <(curl --silent --no-buffer --header "Authorization: Bearer $TOKEN" \
    ${last:+--header "Last-Event-ID: $last"} --write-out '\n\nstatus: %{http_code}\n' "$1")
done
