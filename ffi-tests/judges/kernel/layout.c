/*
 * What src/transport/kernel.rs and socket.rs say in numbers, beside the kernel's own header. The unit tests there hold the
 * bytes that are sent to the same offsets.
 */

#include <linux/tls.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>

#include "../../interface/c/harness.h"

#define LAYOUT(name, number, iv_at, key_at, key_len, salt_at, seq_at, size) \
    static void test_##name(void) { \
        typedef struct tls12_crypto_info_##name info_t; \
        test("struct tls12_crypto_info_" #name " lies as the library writes it"); \
        EXPECT_NUMBER(number, name##_number); \
        EXPECT_NUMBER(offsetof(info_t, info.version), 0); \
        EXPECT_NUMBER(offsetof(info_t, info.cipher_type), 2); \
        EXPECT_NUMBER(offsetof(info_t, iv), iv_at); \
        EXPECT_NUMBER(offsetof(info_t, key), key_at); \
        EXPECT_NUMBER(sizeof(((info_t *)0)->key), key_len); \
        EXPECT_NUMBER(offsetof(info_t, salt), salt_at); \
        EXPECT_NUMBER(offsetof(info_t, rec_seq), seq_at); \
        EXPECT_NUMBER(sizeof(((info_t *)0)->rec_seq), 8); \
        EXPECT_NUMBER(sizeof(info_t), size); \
    }

enum { aes_gcm_128_number = 51, aes_gcm_256_number = 52, chacha20_poly1305_number = 54 };

LAYOUT(aes_gcm_128, TLS_CIPHER_AES_GCM_128, 4, 12, 16, 28, 32, 40)
LAYOUT(aes_gcm_256, TLS_CIPHER_AES_GCM_256, 4, 12, 32, 44, 48, 56)
LAYOUT(chacha20_poly1305, TLS_CIPHER_CHACHA20_POLY1305, 4, 16, 32, 48, 48, 56)

int main(int argc, char **argv) {
    begin(argc, argv);
    test_aes_gcm_128();
    test_aes_gcm_256();
    test_chacha20_poly1305();
    test("the numbers of the kernel's TLS are those that the library uses");
    EXPECT_NUMBER(SOL_TCP, 6);
    EXPECT_NUMBER(TCP_ULP, 31);
    EXPECT_NUMBER(SOL_TLS, 282);
    EXPECT_NUMBER(TLS_TX, 1);
    EXPECT_NUMBER(TLS_RX, 2);
    EXPECT_NUMBER(TLS_SET_RECORD_TYPE, 1);
    EXPECT_NUMBER(TLS_GET_RECORD_TYPE, 2);
    EXPECT_NUMBER(TLS_1_2_VERSION, 0x0303);
    EXPECT_NUMBER(TLS_1_3_VERSION, 0x0304);
    return finish();
}
