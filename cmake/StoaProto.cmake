# SPDX-License-Identifier: Apache-2.0
# Generated message code: protoc-c for C structs, protoc for the descriptor set.
find_package(PkgConfig REQUIRED)
pkg_check_modules(PROTOBUF_C REQUIRED IMPORTED_TARGET libprotobuf-c)
find_program(STOA_PROTOC_C protoc-c REQUIRED)

# stoa_proto(TARGET name FILES a.proto ...): a static library of the generated code. Its headers are
# SYSTEM: nobody can mend a warning in generated code.
function(stoa_proto)
  cmake_parse_arguments(A "" "TARGET" "FILES" ${ARGN})
  set(out ${CMAKE_CURRENT_BINARY_DIR}/gen)
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(file ${A_FILES})
    get_filename_component(stem ${file} NAME_WE)
    add_custom_command(
      OUTPUT ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h
      COMMAND ${STOA_PROTOC_C} --c_out=${out} -I ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_CURRENT_SOURCE_DIR}/${file}
      DEPENDS ${A_FILES} COMMENT "protoc-c ${file}" VERBATIM)
    list(APPEND sources ${out}/${stem}.pb-c.c ${out}/${stem}.pb-c.h)
  endforeach()
  add_library(${A_TARGET} STATIC ${sources})
  target_include_directories(${A_TARGET} SYSTEM PUBLIC ${out})
  target_link_libraries(${A_TARGET} PUBLIC PkgConfig::PROTOBUF_C)
endfunction()

# stoa_proto_types(TARGET name FROM proto_target): a library with the table of all message types in the
# generated headers of `proto_target`, sorted by name: stoa_types[], stoa_types_count.
function(stoa_proto_types)
  cmake_parse_arguments(A "" "TARGET;FROM" "" ${ARGN})
  get_target_property(sources ${A_FROM} SOURCES)
  set(headers ${sources})
  list(FILTER headers INCLUDE REGEX "\\.pb-c\\.h$")
  set(out ${CMAKE_CURRENT_BINARY_DIR}/types)
  file(MAKE_DIRECTORY ${out})
  add_custom_command(
    OUTPUT ${out}/stoa_types.c ${out}/stoa_types.h
    COMMAND ${CMAKE_COMMAND} "-DHEADERS=${headers}" -DOUT=${out} -P ${CMAKE_SOURCE_DIR}/cmake/StoaProtoTypes.cmake
    DEPENDS ${headers} ${CMAKE_SOURCE_DIR}/cmake/StoaProtoTypes.cmake COMMENT "table of message types" VERBATIM)
  add_library(${A_TARGET} STATIC ${out}/stoa_types.c ${out}/stoa_types.h)
  target_include_directories(${A_TARGET} SYSTEM PUBLIC ${out})
  target_link_libraries(${A_TARGET} PUBLIC ${A_FROM})
endfunction()
