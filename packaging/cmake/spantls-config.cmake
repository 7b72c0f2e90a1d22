# find_package(spantls): the targets spantls::spantls (the shared library) and spantls::static.
#
# Everything is found from where this file lies, so the tree may be moved as a whole.

get_filename_component(_spantls_prefix "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(_spantls_places "${_spantls_prefix}/lib" "${_spantls_prefix}/lib64" "${_spantls_prefix}/lib/${CMAKE_LIBRARY_ARCHITECTURE}")

find_path(SPANTLS_INCLUDE_DIR spantls.h PATHS "${_spantls_prefix}/include" NO_DEFAULT_PATH)
find_library(SPANTLS_SHARED_LIBRARY "${CMAKE_SHARED_LIBRARY_PREFIX}spantls${CMAKE_SHARED_LIBRARY_SUFFIX}"
             PATHS ${_spantls_places} NO_DEFAULT_PATH)
find_library(SPANTLS_STATIC_LIBRARY "${CMAKE_STATIC_LIBRARY_PREFIX}spantls${CMAKE_STATIC_LIBRARY_SUFFIX}"
             PATHS ${_spantls_places} NO_DEFAULT_PATH)
mark_as_advanced(SPANTLS_INCLUDE_DIR SPANTLS_SHARED_LIBRARY SPANTLS_STATIC_LIBRARY)
unset(_spantls_prefix)
unset(_spantls_places)

if(NOT SPANTLS_INCLUDE_DIR OR NOT (SPANTLS_SHARED_LIBRARY OR SPANTLS_STATIC_LIBRARY))
    set(spantls_FOUND FALSE)
    set(spantls_NOT_FOUND_MESSAGE "spantls.h or the libraries are missing beside ${CMAKE_CURRENT_LIST_FILE}")
    return()
endif()

if(SPANTLS_SHARED_LIBRARY AND NOT TARGET spantls::spantls)
    add_library(spantls::spantls SHARED IMPORTED)
    set_target_properties(spantls::spantls PROPERTIES
        IMPORTED_LOCATION "${SPANTLS_SHARED_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${SPANTLS_INCLUDE_DIR}")
    if(APPLE)
        set_target_properties(spantls::spantls PROPERTIES IMPORTED_SONAME "@rpath/libspantls.1.dylib")
    else()
        set_target_properties(spantls::spantls PROPERTIES IMPORTED_SONAME "libspantls.so.1")
    endif()
endif()

if(SPANTLS_STATIC_LIBRARY AND NOT TARGET spantls::static)
    include(CMakeFindDependencyMacro)
    find_dependency(Threads)
    add_library(spantls::static STATIC IMPORTED)
    set(_spantls_system Threads::Threads ${CMAKE_DL_LIBS})
    if(NOT APPLE)
        list(APPEND _spantls_system m gcc_s)
    endif()
    set_target_properties(spantls::static PROPERTIES
        IMPORTED_LOCATION "${SPANTLS_STATIC_LIBRARY}"
        INTERFACE_INCLUDE_DIRECTORIES "${SPANTLS_INCLUDE_DIR}"
        INTERFACE_LINK_LIBRARIES "${_spantls_system}")
    unset(_spantls_system)
endif()
