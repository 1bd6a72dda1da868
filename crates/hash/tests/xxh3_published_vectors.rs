//! Goal: XXH3 gives the published hashes on every path, at once and in parts, so that two machines (and other tools) agree.

use rafterdb_hash::{xxh3_128, xxh3_128_on, xxh3_64, xxh3_64_on, Path, Xxh3};

const PRIME32: u64 = 2_654_435_761;
const PRIME64: u64 = 11_400_714_785_074_694_797;

/// What the xxHash project's sanity checks (`cli/xsum_sanity_check.c`) run over.
fn sanity_bytes() -> Vec<u8> {
    let mut state = PRIME32;
    let next = |_| {
        let byte = (state >> 56) as u8;
        state = state.wrapping_mul(PRIME64);
        byte
    };
    (0..2400).map(next).collect()
}

/// 0, 1, 2 … 255, 0 …: what the tests of OpenHFT's Zero-Allocation-Hashing (`XXH3Test`, `XXH128Test`) ran the reference program
/// over.
fn looping_bytes() -> Vec<u8> {
    (0..2049).map(|i| i as u8).collect()
}

fn check_64(bytes: &[u8], seed: u64, hash: u64) {
    let case = format!("{} bytes, seed {seed:#x}", bytes.len());
    assert_eq!(xxh3_64(bytes, seed), hash, "{case}");
    for path in Path::ALL {
        if let Some(found) = xxh3_64_on(path, bytes, seed) {
            assert_eq!(found, hash, "{case}, {}", path.name());
        }
    }
    let mut stream = Xxh3::new(seed);
    bytes.chunks(61).for_each(|part| stream.update(part));
    assert_eq!(stream.digest_64(), hash, "{case}, in parts");
}

fn check_128(bytes: &[u8], seed: u64, hash: u128) {
    let case = format!("{} bytes, seed {seed:#x}", bytes.len());
    assert_eq!(xxh3_128(bytes, seed), hash, "{case}");
    for path in Path::ALL {
        if let Some(found) = xxh3_128_on(path, bytes, seed) {
            assert_eq!(found, hash, "{case}, {}", path.name());
        }
    }
    let mut stream = Xxh3::new(seed);
    bytes.chunks(61).for_each(|part| stream.update(part));
    assert_eq!(stream.digest_128(), hash, "{case}, in parts");
}

#[test]
fn the_sanity_checks_of_64_bits() {
    let bytes = sanity_bytes();
    for (length, seed, hash) in SANITY_64 {
        check_64(&bytes[..length], seed, hash);
    }
}

#[test]
fn the_sanity_checks_of_128_bits() {
    let bytes = sanity_bytes();
    for (length, seed, low, high) in SANITY_128 {
        check_128(&bytes[..length], seed, u128::from(high) << 64 | u128::from(low));
    }
}

#[test]
fn the_outputs_of_the_reference_program_of_64_bits() {
    let bytes = looping_bytes();
    for (length, without_seed, seed_42) in LOOPING_64 {
        check_64(&bytes[..length], 0, without_seed);
        check_64(&bytes[..length], 42, seed_42);
    }
}

#[test]
fn the_outputs_of_the_reference_program_of_128_bits() {
    let bytes = looping_bytes();
    for (length, without_seed, seed_42) in LOOPING_128 {
        check_128(&bytes[..length], 0, without_seed);
        check_128(&bytes[..length], 42, seed_42);
    }
}

/// Length, seed, hash.
#[rustfmt::skip]
const SANITY_64: [(usize, u64, u64); 28] = [
    (0, 0, 0x2d06_8005_38d3_94c2),
    (0, PRIME64, 0xa8a6_b918_b2f0_364a),
    (1, 0, 0xc44b_dff4_074e_ecdb),
    (1, PRIME64, 0x032b_e332_dd76_6ef8),
    (6, 0, 0x27b5_6a84_cd2d_7325),
    (6, PRIME64, 0x8458_9c11_6ab5_9ab9),
    (12, 0, 0xa713_daf0_dfbb_77e7),
    (12, PRIME64, 0xe730_3e1b_2336_de0e),
    (24, 0, 0xa3fe_70bf_9d35_10eb),
    (24, PRIME64, 0x850e_80fc_35bd_d690),
    (48, 0, 0x397d_a259_ecba_1f11),
    (48, PRIME64, 0xadc2_cbaa_44ac_c616),
    (80, 0, 0xbcde_fbbb_2c47_c90a),
    (80, PRIME64, 0xc6dd_0cb6_9953_2e73),
    (195, 0, 0xcd94_217e_e362_ec3a),
    (195, PRIME64, 0xba68_003d_370c_b3d9),
    (403, 0, 0xcdeb_804d_65c6_dea4),
    (403, PRIME64, 0x6259_f6ec_fd64_43fd),
    (512, 0, 0x617e_4959_9013_cb6b),
    (512, PRIME64, 0x3ce4_57de_14c2_7708),
    (2048, 0, 0xdd59_e2c3_a5f0_38e0),
    (2048, PRIME64, 0x66f8_1670_669a_babc),
    (2099, 0, 0xc6b9_d9b3_fc9a_c765),
    (2099, PRIME64, 0x184f_3168_4366_3974),
    (2240, 0, 0x6e73_a905_39cf_2948),
    (2240, PRIME64, 0x757b_a848_7d1b_5247),
    (2367, 0, 0xcb37_aeb9_e5d3_61ed),
    (2367, PRIME64, 0xd2db_3415_b942_b42a),
];

/// Length, seed, the low and the high half.
#[rustfmt::skip]
const SANITY_128: [(usize, u64, u64, u64); 26] = [
    (0, 0, 0x6001_c324_468d_497f, 0x99aa_06d3_0147_98d8),
    (0, PRIME32, 0x5444_f786_9c67_1ab0, 0x9222_0ae5_5e14_ab50),
    (1, 0, 0xc44b_dff4_074e_ecdb, 0xa6cd_5e93_9200_0f6a),
    (1, PRIME32, 0xb53d_5557_e7f7_6f8d, 0x89b9_9554_ba22_467c),
    (6, 0, 0x3e70_39bd_da43_cfc6, 0x082a_fe0b_8162_d12a),
    (6, PRIME32, 0x269d_8f70_be98_856e, 0x5a86_5b53_89ab_d2b1),
    (12, 0, 0x061a_1927_13f6_9ad9, 0x6e3e_fd8f_c780_2b18),
    (12, PRIME32, 0x9be9_f9a6_7f3c_7dfb, 0xd7e0_9d51_8a34_05d3),
    (24, 0, 0x1e70_44d2_8b1b_901d, 0x0ce9_66e4_678d_3761),
    (24, PRIME32, 0xd730_4c54_ebad_40a9, 0x3162_0267_14a6_a243),
    (48, 0, 0xf942_219a_ed80_f67b, 0xa002_ac4e_5478_227e),
    (48, PRIME32, 0x7ba3_c3e4_53a1_934e, 0x163a_dde3_6c07_2295),
    (81, 0, 0x5e8b_afb9_f95f_b803, 0x4952_f581_81ab_0042),
    (81, PRIME32, 0x703f_bb3d_7a5f_755c, 0x2724_ec7a_dc75_0fb6),
    (222, 0, 0xf1ae_bd59_7cec_6b3a, 0x337e_0964_1b94_8717),
    (222, PRIME32, 0xae99_5bb8_af91_7a8d, 0x9182_0016_621e_97f1),
    (403, 0, 0xcdeb_804d_65c6_dea4, 0x1b6d_e21e_332d_d73d),
    (403, PRIME64, 0x6259_f6ec_fd64_43fd, 0xbed3_1197_1e0b_e8f2),
    (512, 0, 0x617e_4959_9013_cb6b, 0x18d2_d110_dcc9_bca1),
    (512, PRIME64, 0x3ce4_57de_14c2_7708, 0x925d_06b8_ec5b_8040),
    (2048, 0, 0xdd59_e2c3_a5f0_38e0, 0xf736_557f_d470_73a5),
    (2048, PRIME32, 0x230d_43f3_0206_260b, 0x7fb0_3f7e_7186_c3ea),
    (2240, 0, 0x6e73_a905_39cf_2948, 0xccb1_34fb_fa7c_e49d),
    (2240, PRIME32, 0xed38_5111_126f_ba6f, 0x50a1_fe17_b338_995f),
    (2367, 0, 0xcb37_aeb9_e5d3_61ed, 0xe89c_0f6f_f369_b427),
    (2367, PRIME32, 0x6f53_60ae_69c2_f406, 0xd23a_ae4b_76c3_1ecb),
];

/// Length, hash without seed, hash with seed 42.
#[rustfmt::skip]
const LOOPING_64: [(usize, u64, u64); 50] = [
    (0, 0x2d06_8005_38d3_94c2, 0xb029_411f_f43d_84d2),
    (1, 0xc44b_dff4_074e_ecdb, 0x5cf1_0f10_bf2d_d245),
    (2, 0xd664_5fc3_051a_9457, 0x8cec_17dc_4c84_45ef),
    (3, 0x5f42_99fc_161c_9cbb, 0x7588_1294_bdba_f34c),
    (4, 0x60da_b036_a582_11f2, 0xd857_1bd6_d6d1_7e42),
    (7, 0x0cd2_084a_6240_6b69, 0xa1f4_dae4_8a8a_738e),
    (8, 0x3a1c_2d7c_85af_88f8, 0x533b_2c25_fa39_7f0b),
    (9, 0xe961_2598_145b_b9dc, 0xec60_d791_3c54_10f9),
    (15, 0x55ec_edc2_b87b_b042, 0xc4e0_d83c_7022_244d),
    (16, 0x8355_e3a6_f617_70db, 0x7489_1a34_d3ff_f0a9),
    (17, 0x9ef3_41a9_9de3_7328, 0x2668_e397_7d45_1c23),
    (31, 0x4f36_db8e_4df3_78fd, 0x2c4a_cc13_1189_6823),
    (32, 0x3523_581f_e96e_4c05, 0xeb1c_9b8f_b88f_9bb6),
    (33, 0xe68c_56ba_8899_1e58, 0x42fa_7404_a76a_4f26),
    (64, 0x6187_eb90_89b0_ed55, 0x1961_1ac4_647c_1dfd),
    (65, 0x6928_c76c_e904_22d0, 0x3f5c_def7_b5f9_7e9f),
    (96, 0x278a_3e12_ea04_6dfb, 0x2aab_2a10_0426_30b1),
    (97, 0xe722_0282_dc4e_14f4, 0x73a6_8701_de55_5959),
    (128, 0x85c6_174c_7ff4_c46b, 0xa7f8_6393_5f4a_4028),
    (129, 0xec76_42b4_31ba_3e5a, 0x82b8_0bdd_4ac2_9db5),
    (143, 0x8222_e885_f060_341d, 0x7c38_5a76_63e7_9538),
    (144, 0x028e_1e35_ff4c_0a01, 0x29a8_cc3c_47ba_b388),
    (192, 0x981e_b7df_4a49_11d7, 0x1f0e_15c0_f761_de72),
    (239, 0x972b_14e3_c46f_214b, 0xf1fd_0b38_b89d_d218),
    (240, 0x375a_384d_957f_e865, 0x4c02_3d24_e6a8_4d31),
    (241, 0x02e8_cd95_421c_6d02, 0x26e3_d358_d4e0_a1d6),
    (256, 0x9408_a443_3b95_2d71, 0xc1a5_5ca1_80b3_fd0a),
    (257, 0xd02c_2570_4c5c_ee8a, 0x4e7c_3939_d803_d654),
    (319, 0x885f_8567_950f_f1ec, 0x0064_fa01_505b_8ce2),
    (320, 0xbfc8_7c49_d73f_f872, 0x8abf_5357_e16f_716b),
    (384, 0x9e40_5e3d_cd70_3e69, 0xad1f_2b8a_646e_4bcf),
    (448, 0x2457_65bf_d7ee_2f3e, 0xefba_a43d_9dff_368a),
    (511, 0x5a59_555e_cf4e_4b4c, 0xaefd_0089_821f_fd94),
    (512, 0x1059_105a_d19b_fa09, 0xb3c0_be15_7c7c_1132),
    (513, 0xa9cc_301b_e462_b64e, 0x01f1_303b_d75a_93b0),
    (575, 0x3520_6ed2_eda3_bd10, 0x3454_b17e_e50c_3fe2),
    (640, 0x8704_3955_bd77_0bd8, 0x44c4_8a31_ce90_5fde),
    (767, 0x781d_254e_94ad_c569, 0xf443_68a7_7a44_99e8),
    (1023, 0x26a0_a01d_1c92_5c06, 0x228b_cc42_b28e_156a),
    (1024, 0xa870_f929_8439_8d22, 0x2976_c34b_8320_0df6),
    (1025, 0x78c8_6e91_ee93_9852, 0xd6de_e707_e1b2_71b4),
    (1087, 0x1005_d1f5_76f1_fa5d, 0x01d1_f8b7_b8ed_3345),
    (1088, 0x280d_4e7c_b657_9eb6, 0x3ae2_21e2_cc7a_a58e),
    (1089, 0x42f8_401c_93f3_22b4, 0xbf1f_bdcf_6261_8a72),
    (1535, 0x55e7_07f4_8391_b9ad, 0x1e18_611f_c115_02ac),
    (1536, 0xbbb7_354b_4304_818d, 0x14af_20df_e97c_6cd8),
    (1984, 0xad26_d974_a2c3_3a97, 0x2aa8_49b2_fa0a_ca55),
    (2047, 0xebb4_a67f_ecb7_bb5a, 0x6abd_247a_d795_ebc8),
    (2048, 0xdd42_0471_ff96_bd00, 0xdc45_c2f4_dfc6_6252),
    (2049, 0x62df_f343_e7db_ac9b, 0x6a7b_1541_af0a_e92c),
];

/// Length, hash without seed, hash with seed 42.
#[rustfmt::skip]
const LOOPING_128: [(usize, u128, u128); 46] = [
    (0, 0x99aa_06d3_0147_98d8_6001_c324_468d_497f, 0x16c2_0acd_33f7_af2f_3c1d_09e9_fe24_9164),
    (1, 0xa6cd_5e93_9200_0f6a_c44b_dff4_074e_ecdb, 0xea04_d3fd_8852_dd2a_5cf1_0f10_bf2d_d245),
    (2, 0x6a4a_5274_c1b0_d3ad_d664_5fc3_051a_9457, 0x3e20_cdfb_2f0a_ad5c_8cec_17dc_4c84_45ef),
    (3, 0xe3b5_5f57_945a_17cf_5f42_99fc_161c_9cbb, 0xbfa7_eeaf_8785_c322_7588_1294_bdba_f34c),
    (4, 0xeb70_bf5f_c779_e9e6_a611_1d53_e80a_3db5, 0x48a2_4076_e64d_ae48_d876_c6f1_307e_7b64),
    (7, 0x61ce_291b_c3a4_357d_dbb2_0782_1e6d_5efe, 0x3768_1125_abce_72f4_3121_5b46_23bd_be38),
    (8, 0xe1e4_432a_6221_7fe4_cfd5_0c61_c8bb_98c1, 0x7242_08a0_39d6_b333_11d8_20aa_80c4_9954),
    (9, 0x16c7_69d8_3e4a_ebce_9079_3197_9dca_3746, 0x8fa4_4248_294e_1bc5_93f7_f6ff_021d_1475),
    (15, 0x301a_9f75_4e8f_569a_0017_ea4b_e19b_c787, 0x1033_cfbb_f54f_9baa_8b29_573b_67d3_11eb),
    (16, 0x7295_0631_8276_07e2_8428_12cc_870d_cae2, 0x6a60_d699_e874_c218_8397_ff66_a715_007f),
    (17, 0x685b_c458_b37d_057f_c06e_233d_f772_9217, 0xe218_637b_eef5_edb4_ff17_59db_8e15_f1ad),
    (31, 0x4ed3_946d_393b_687b_b54d_e399_3874_ed20, 0x1810_95e9_98b4_2e1e_848b_67d3_94d5_afb6),
    (32, 0x25e7_c9b3_424c_eed2_457d_9566_b6fc_d697, 0xae9b_2e15_6d6e_6167_a603_2792_9b06_3475),
    (33, 0x0217_5c3a_abb0_0637_e08d_8495_1339_de86, 0xec78_4f91_2c1e_7038_bc15_e4ef_0e53_1d77),
    (64, 0x9c6e_140a_4655_45e5_90c1_971d_db04_ce74, 0xac37_3f59_c6bd_196b_341a_e74e_fab6_c5b9),
    (65, 0xebed_f05e_eadc_28f1_1aee_64a1_615d_e88f, 0x1ae3_bccc_702b_d29b_2a0c_dd5c_e88c_63f6),
    (96, 0xc575_56e9_ccb9_7efa_6e53_ab55_b4f5_558b, 0x963f_a074_7fca_9849_ec0f_4fda_eefc_d778),
    (97, 0x9b09_227e_063d_a5a2_5b32_84a6_1f91_e97d, 0x8380_2602_7240_325a_7470_1cd7_88b1_3594),
    (128, 0x1479_2fc3_af88_dc6c_0532_1a0b_64d6_7b41, 0x2cfa_5536_407c_26ce_cd70_65b1_aea2_e4e9),
    (129, 0xdd5e_74ac_6b45_f54e_bc30_b633_82b0_9a3b, 0x9e41_bfea_f492_d7e5_40b9_1a40_e618_88b9),
    (143, 0x5569_44eb_bc57_0dcb_a79e_39c3_a16e_84d5, 0xec92_2286_d823_a2c5_f725_f8ec_a7bd_abaa),
    (144, 0x2615_894a_e020_ac91_582a_8a72_e9d4_7a4d, 0x9e05_8b11_73e0_1aa4_2aa7_81ac_ffce_8c3a),
    (192, 0x10c9_87dc_285c_756b_050f_429c_4f52_b688, 0x4b24_42b1_89e2_3ec6_1490_3217_3af3_d356),
    (239, 0x9843_ab31_a06b_e0df_fe21_3746_28fc_c539, 0x8267_b3cd_ab49_2d68_85af_5118_c6be_727c),
    (240, 0x65b5_be86_da55_40e7_c92b_68e1_6f83_bbb6, 0x8e76_dd8a_173d_dbc5_ba37_88eb_e650_51f7),
    (241, 0x1da1_cb61_bcb8_a2a1_02e8_cd95_421c_6d02, 0xd591_e680_c65b_77ff_26e3_d358_d4e0_a1d6),
    (256, 0xf1f8_a93f_5084_9ac3_9408_a443_3b95_2d71, 0x0069_1975_2d0c_ed7a_c1a5_5ca1_80b3_fd0a),
    (257, 0xfd99_e499_2437_cdf2_d02c_2570_4c5c_ee8a, 0x161c_360f_f8af_d1cd_4e7c_3939_d803_d654),
    (319, 0xa3e6_cffa_2df8_6459_885f_8567_950f_f1ec, 0x7615_9262_dfcd_86c7_0064_fa01_505b_8ce2),
    (320, 0xf349_d893_5d37_c49a_bfc8_7c49_d73f_f872, 0xd3f9_e2a1_859e_9b33_8abf_5357_e16f_716b),
    (384, 0x4d29_133c_75b2_f947_9e40_5e3d_cd70_3e69, 0x426a_8401_5ef2_4244_ad1f_2b8a_646e_4bcf),
    (448, 0xcab1_dba7_3be9_a1cf_2457_65bf_d7ee_2f3e, 0xeb63_8278_f7a6_ba33_efba_a43d_9dff_368a),
    (511, 0x095d_db45_5648_e3fa_5a59_555e_cf4e_4b4c, 0x9b46_9e6b_0c67_72c2_aefd_0089_821f_fd94),
    (512, 0x111d_5771_df64_cbcb_1059_105a_d19b_fa09, 0xed53_775c_852e_608a_b3c0_be15_7c7c_1132),
    (513, 0x2d60_9034_03cf_45d4_a9cc_301b_e462_b64e, 0x397c_3547_b5a9_5ac6_01f1_303b_d75a_93b0),
    (575, 0x520d_827f_059d_38a5_3520_6ed2_eda3_bd10, 0xa6e4_66d2_5d5e_d365_3454_b17e_e50c_3fe2),
    (640, 0x2cd2_53c5_25ca_4d3d_8704_3955_bd77_0bd8, 0x5514_aa84_8ec5_ec3f_44c4_8a31_ce90_5fde),
    (767, 0x5eb5_6607_09a8_0500_781d_254e_94ad_c569, 0x17b8_5571_c7b5_34a9_f443_68a7_7a44_99e8),
    (1023, 0x24a6_b20b_01d4_b800_26a0_a01d_1c92_5c06, 0xdf4c_3a77_5e48_25d9_228b_cc42_b28e_156a),
    (1024, 0x8388_5e85_3bb6_640c_a870_f929_8439_8d22, 0x8fc8_1e6f_32d5_7360_2976_c34b_8320_0df6),
    (1025, 0xe1e5_08f1_1076_3b46_78c8_6e91_ee93_9852, 0xdd12_05e7_ec33_ba32_d6de_e707_e1b2_71b4),
    (1087, 0xac1e_e428_3117_d7d6_1005_d1f5_76f1_fa5d, 0x473c_971f_8db3_683d_01d1_f8b7_b8ed_3345),
    (1088, 0x03ec_d3dc_ac90_49e9_280d_4e7c_b657_9eb6, 0xa333_230d_601e_ecf4_3ae2_21e2_cc7a_a58e),
    (1089, 0xcf5a_f7c4_4728_c2d8_42f8_401c_93f3_22b4, 0xd2e4_7763_53bd_f516_bf1f_bdcf_6261_8a72),
    (1279, 0x4082_62c9_344b_fad1_10d7_e021_da50_7e54, 0x081b_cf13_823b_6206_a4a4_d522_2186_5680),
    (1280, 0xd92a_b3a1_cb05_42a7_4844_b009_e164_352e, 0x3b61_c632_e383_d692_44ac_88b4_1e17_9e25),
];
