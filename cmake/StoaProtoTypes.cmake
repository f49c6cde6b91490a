# SPDX-License-Identifier: Apache-2.0
# Script: writes stoa_types.{c,h} from the descriptors declared in HEADERS.
set(names)
set(includes)
foreach(header ${HEADERS})
  file(STRINGS ${header} lines REGEX "^extern const ProtobufCMessageDescriptor ")
  foreach(line ${lines})
    string(REGEX REPLACE "^extern const ProtobufCMessageDescriptor ([a-z0-9_]+);.*" "\\1" name "${line}")
    list(APPEND names ${name})
  endforeach()
  get_filename_component(file ${header} NAME)
  string(APPEND includes "#include <${file}>\n")
endforeach()
list(SORT names)
list(LENGTH names count)
set(rows)
foreach(name ${names})
  string(APPEND rows "    &${name},\n")
endforeach()
file(WRITE ${OUT}/stoa_types.h
  "#include <stddef.h>\n#include <protobuf-c/protobuf-c.h>\n"
  "extern const ProtobufCMessageDescriptor *const stoa_types[];\nextern const size_t stoa_types_count;\n")
file(WRITE ${OUT}/stoa_types.c
  "#include \"stoa_types.h\"\n${includes}\n"
  "const ProtobufCMessageDescriptor *const stoa_types[] = {\n${rows}};\nconst size_t stoa_types_count = ${count};\n")
