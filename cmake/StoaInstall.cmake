# SPDX-License-Identifier: Apache-2.0
# What is installed beside the programs (StoaTargets.cmake): guest page, ports, example site, documents.
# Nothing is fetched or built here; the guest page must be there already.
set(guest ${PROJECT_SOURCE_DIR}/web/guest/dist)
if(STOA_WEB_DIST)
  get_filename_component(guest "${STOA_WEB_DIST}" ABSOLUTE BASE_DIR "${CMAKE_BINARY_DIR}")
  if(NOT EXISTS "${guest}/index.html")
    message(FATAL_ERROR "STOA_WEB_DIST: there is no index.html in ${guest}")
  endif()
endif()
install(CODE "
  if(NOT EXISTS \"${guest}/index.html\")
    message(WARNING \"The guest page is not installed: there is no ${guest}/index.html. \"
      \"Build it with web/build, or name a ready one with -DSTOA_WEB_DIST=DIR, and install again.\")
  endif()")
install(DIRECTORY ${guest}/ DESTINATION ${CMAKE_INSTALL_DATADIR}/stoa/guest OPTIONAL)

install(FILES deploy/ports DESTINATION ${CMAKE_INSTALL_DATADIR}/stoa)
install(DIRECTORY deploy/example-site DESTINATION ${CMAKE_INSTALL_DATADIR}/stoa)

install(FILES LICENSE README.md ARCHITECTURE.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} PATTERN man EXCLUDE)
install(FILES docs/man/bustap.1 docs/man/stoa.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
foreach(role busd callbridge config expc expe turn webadmin webbridge)
  install(FILES docs/man/stoa-${role}.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8)
endforeach()
