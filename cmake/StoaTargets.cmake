# SPDX-License-Identifier: Apache-2.0
# The four kinds of target in this tree. Explicit source lists, no globbing.

# stoa_library(NAME base LEVEL 0 SOURCES a.c ... HEADERS include/base/a.h ...
#              [PUBLIC lib ...] [PRIVATE lib ...] [SYSTEM_PUBLIC target ...] [SYSTEM_PRIVATE target ...])
# PUBLIC and PRIVATE name libraries of ours (without prefix); each must have a smaller LEVEL
# (CONVENTIONS: includes go downward only). SYSTEM_* name foreign targets or link flags.
function(stoa_library)
  cmake_parse_arguments(A "" "NAME;LEVEL" "SOURCES;HEADERS;PUBLIC;PRIVATE;SYSTEM_PUBLIC;SYSTEM_PRIVATE" ${ARGN})
  if(A_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "stoa_library(${A_NAME}): unknown argument ${A_UNPARSED_ARGUMENTS}")
  endif()
  set(target stoa_${A_NAME})
  add_library(${target} STATIC ${A_SOURCES})
  target_sources(${target} PUBLIC FILE_SET HEADERS BASE_DIRS include FILES ${A_HEADERS})
  set_target_properties(${target} PROPERTIES STOA_LEVEL ${A_LEVEL})
  foreach(dep ${A_PUBLIC} ${A_PRIVATE})
    get_target_property(level stoa_${dep} STOA_LEVEL)
    if(NOT level LESS A_LEVEL)
      message(FATAL_ERROR "lib/${A_NAME} (level ${A_LEVEL}) may not use lib/${dep} (level ${level})")
    endif()
  endforeach()
  list(TRANSFORM A_PUBLIC PREPEND stoa_)
  list(TRANSFORM A_PRIVATE PREPEND stoa_)
  target_link_libraries(${target}
    PUBLIC ${A_PUBLIC} ${A_SYSTEM_PUBLIC}
    PRIVATE ${A_PRIVATE} ${A_SYSTEM_PRIVATE} $<BUILD_INTERFACE:stoa_warnings>)
endfunction()

# stoa_service(NAME busd [TOOL] SOURCES main.c ... [LIBS lib ...] [SYSTEM target ...])
# Builds a daemon (installed in libexec/stoa) or, with TOOL, a command for people (in bin). All end in
# build/<preset>/bin so that a build tree runs as it is.
function(stoa_service)
  cmake_parse_arguments(A "TOOL" "NAME" "SOURCES;LIBS;SYSTEM" ${ARGN})
  # The target is stoa-<name>: "config" and "turn" are too general for a global name.
  set(target stoa-${A_NAME})
  add_executable(${target} ${A_SOURCES})
  list(TRANSFORM A_LIBS PREPEND stoa_)
  target_link_libraries(${target} PRIVATE ${A_LIBS} ${A_SYSTEM} stoa_warnings)
  # Not -I: a service's limits.h would hide the system's <limits.h>.
  target_compile_options(${target} PRIVATE "SHELL:-iquote ${CMAKE_CURRENT_SOURCE_DIR}")
  set_target_properties(${target} PROPERTIES OUTPUT_NAME ${A_NAME})
  if(A_TOOL)
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
  else()
    set_target_properties(${target} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/libexec/stoa)
    install(TARGETS ${target} RUNTIME DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/stoa)
  endif()
endfunction()

# stoa_test(NAME base_buf SOURCES test_buf.c [LIBS base ...] [SYSTEM target ...] [TIMEOUT s] [LABELS unit ...] [WAITS])
# A cmocka program, run by CTest from the build tree. ./check has two slots for each processor. A test that
# computes takes both, that is PROCESSORS 2; one that waits for timers and daemons most of its time takes one:
# WAITS, and every test without the label unit. COST, in seconds: what is long begins first.
function(stoa_test)
  cmake_parse_arguments(A "WAITS" "NAME;TIMEOUT" "SOURCES;LIBS;SYSTEM;LABELS;ARGS" ${ARGN})
  set(target test_${A_NAME})
  add_executable(${target} ${A_SOURCES})
  list(TRANSFORM A_LIBS PREPEND stoa_)
  target_include_directories(${target} PRIVATE ${CMAKE_SOURCE_DIR}/tests/unit)
  target_link_libraries(${target} PRIVATE ${A_LIBS} ${A_SYSTEM} PkgConfig::CMOCKA stoa_warnings)
  # Half of all files are the tests' own and run once: what is saved by compiling them well is less than it costs.
  target_compile_options(${target} PRIVATE $<$<CONFIG:RelWithDebInfo>:-O0>)
  if(NOT A_TIMEOUT)
    set(A_TIMEOUT 60)
  endif()
  if(NOT A_LABELS)
    set(A_LABELS unit)
  endif()
  add_test(NAME ${A_NAME} COMMAND ${target} ${A_ARGS})
  set_tests_properties(${A_NAME} PROPERTIES TIMEOUT ${A_TIMEOUT} LABELS "${A_LABELS}"
    ENVIRONMENT "ASAN_OPTIONS=detect_leaks=1;UBSAN_OPTIONS=print_stacktrace=1")
  if("unit" IN_LIST A_LABELS AND NOT A_WAITS)
    set_tests_properties(${A_NAME} PROPERTIES PROCESSORS 2)
  endif()
endfunction()

# stoa_fuzz(NAME stun SOURCES fuzz_stun.c [LIBS stun ...] [SYSTEM target ...])
# A libFuzzer target with its corpus in tests/fuzz/corpus/<name>; CTest runs the corpus and then
# STOA_FUZZ_SECONDS of new input.
if(STOA_FUZZ)
  add_custom_target(fuzzers COMMENT "all fuzz targets")
endif()
set(STOA_FUZZ_SECONDS 5 CACHE STRING "how long CTest lets each fuzz target run")
function(stoa_fuzz)
  cmake_parse_arguments(A "" "NAME" "SOURCES;LIBS;SYSTEM" ${ARGN})
  if(NOT STOA_FUZZ)
    return()
  endif()
  set(target fuzz_${A_NAME})
  add_executable(${target} ${A_SOURCES})
  list(TRANSFORM A_LIBS PREPEND stoa_)
  target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  target_link_libraries(${target} PRIVATE ${A_LIBS} ${A_SYSTEM} stoa_warnings)
  add_dependencies(fuzzers ${target})
  set(work ${CMAKE_CURRENT_BINARY_DIR}/found/${A_NAME})
  file(MAKE_DIRECTORY ${work})
  add_test(NAME fuzz_${A_NAME} COMMAND ${target} -max_total_time=${STOA_FUZZ_SECONDS} -timeout=5 -rss_limit_mb=1024
    -print_final_stats=0 -verbosity=0 -artifact_prefix=${work}/ ${work} ${CMAKE_SOURCE_DIR}/tests/fuzz/corpus/${A_NAME})
  math(EXPR limit "${STOA_FUZZ_SECONDS} * 4 + 60")
  set_tests_properties(fuzz_${A_NAME} PROPERTIES TIMEOUT ${limit} LABELS fuzz)
endfunction()
