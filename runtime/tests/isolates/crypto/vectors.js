// Keys, signatures and a secret that OpenSSL has made, for what no key of a test's own shows.
export const message = new TextEncoder().encode("a message");
export const rsa = {
  key: {
    kty: "RSA",
    n: "s4XzfhmmmfUSOXXV1Fk5Yi7xLYB9cGk5Q6IOVTmmdeq2KNYiLhhqaAkig_Z_-IdOigq7zYXxCfXJVYclCrIm0-5C" +
      "gXxmqcmzaMUDp2txXyXpRpxuHJwhmpo68KrM97uOvP62KAqRx7tnFK6rfxUJOLB7ciaXCW9bw1JuNDgiKJ4erytz" +
      "JKARg-Hp90V2ujdjNSbEbQNW5xkAFKLnAX2DrHC9RzhC2YXC-mzVJeNy__qmBcrf8g2VtCijZ62zfpZrfrdVHp9O" +
      "khj3NXU9W04ZR3dniMX-L4hVtiF8JdFJ9OLTYUPhmdn1bS1WyHMmh9LvNy_Q-M-iEycEBbhdGurrMQ",
    e: "AQAB",
    d: "C6WMUTlBS3owgz1PkM30ENhaSbktCiqtbiOYmfNaRwqh5D7WK1bmqlazYEvQ7BL9J6wAGJqQs3R4ah3RK6M4rSWn" +
      "N2bWczv0cX7cmJM6IPHg8zWJWD5R2MmaOsxd7VGD9mNw9mKPKB3Sl28ojZ9UAJNEgviZcmGA2shhgW5F2wwhO5k0" +
      "h30jRWQtqpsEFtvF8SPZXuzRoRG5DPuiyl0S01vnyoTAPpMkdHr4o98mxd_NKektzd1Rf1txWe-Jq-7tyz5DiPni" +
      "dGw4fBT7EsFQHk_rFz8Wuiu1575Nz6sXRDgi4MgtoPl6GshXkWbrXSYERlN7wdcgkacbEZTwKjuVBQ",
    p: "3utujGVFvlwKmuKd08znSW0ITVVngcMqeif-CG9-1FNJoivJHV93N-fwhXLnVMJNlyw8Sh_T6N2z6SYU62ApqD69" +
      "bXs224bujCAWlZas34idoGGXa-s3hYwRdG16l99h3vWnZ31787jPwHRTbqPtBAtCHHsM-axnxjLN4vzeFb0",
    q: "zinrOcQdTQcHhNyWfqw7zoYYgPNCoKDkec9HuOx4JfOy_vac59Tr2FwsMangIGguHe9RRysp9BYWRlu8HmrTcCJN" +
      "0k8xgu-MclIUPam4-J7NK3BTrXs_F3TRAGQgB0c6ePaxsQdVE2Axywc4hirVUfm2ZY0EAbjJ00FL4fw6IIU",
    dp: "PdPswHHiSy76HgVWowUE7T-ZeuGCKOJ5qJHpCmvqMHe9R4Z_bG8rAM2Kz2iUMtUFcjVpr2Fug_rhyHuwd6wfQbPN" +
      "FE2FZJPjG-hWezzkS8d3eKE4v0zpBFhaCwHGa9MgMRfPS4vpUirjLEzXSyuaNHHu7zlN2v3vdnBm3FsoOb0",
    dq: "d61l21a5G6nk93-F7WrWHQFC4DhWiSBdAUkOfY7oAEADvHY0h2_WqPZ4wSu365gOjVoLeKDZ7dOUgqtl_NJOg12m" +
      "h1tphnTAtuxmy5Tmx4yH1ZuTN7W_3kH1waBd51u12dp7NCTpgiHpRc6fRWNACiJHe5Psq4M1xei1wC3HIHE",
    qi: "uMxjFEGBSt3I-TbiaF3yy0mvUOWMYdAiW5TLX4DZJK3KH59HxxD7CS7NCrJxiy6mF1CD3RPLfSw71nnFw288HFxk" +
      "dF163UoTqdkGpssXLXYDMr67xgQ6Ntz0pDqEwBnqkqGw0B2X1X10UnUmjHrGEu41P-gCwDuzXj_ICNIF34c",
  },
  rs256: "mCokPO-x3RlIW0biW6HuB-3fvOvP27HR-Ct96kWvroSNLPk1J8qTg4J4x-n1-_sbN5Z2D6FKKOOrEIzhluaTGd5K" +
      "ITRUmksgl45ut4vWxg-4PNMklHEbstBAvLtEhgXbwPufMj7VTGY3eg29N2Hy2gqk1B3AJ1J8ohzC135EhVL5-hAW" +
      "6JQsp-MS_KJhdquHADc23YSNX7-7tNg7BavNEVwODXo4EVVGxNyase0zVaGDq7XqcV0_kVRTMD-m5n2DqWBW4qBO" +
      "Z2dCJ1x35O7sxPEckaPZ9YS4_bUEl9EmxSVhxB-KV5mf76kgBwW2qgWDuyMUbzkw0AuF6URFBTmiUg",
  ps256: "Drnbx0GZbq1iydlgxqaGF1dmmZ0YLlRXB8gPAqdS358kQyyYMDV5fxOeXLEFvFM-Amr35BqW1yd-YhDN6O8zIpyI" +
      "yncJ7eNiZSF9PhgXH4j-ozFrPYcXjecEy8mNkE8-7sicX_1IoYYRsBWtQGkEl6AFJZJbWVyupikjbXv_3COuAi47" +
      "o8l9zJv2RoihDBP79y3abpMK22Bz0Ok2LhQgSZzaaRMh70FY-7nmIvN8EM3MrV_k35MhAZRfWLMi1Sqw6qf6gAzt" +
      "Ec49zygefEKtaTjNvE1D_6EPlAN3qD1vGg6_QEV14a2lx5bv_2FsgTkP-YcMZVAqYQQuvOZkgjEDJA",
  oaep: "aZ1gn2jMD6d2vT8lFC-TuczkikJDPOYt0cYIkAxVuPyz7cc4lkctGgIzXirBXsq9nopYIhFbbpBnKi9499igRRiV" +
      "bV_P9ZMYKJZO1rFnTXXtF7E51mcslPm-0Ymhar_CUMW7Vun9LsVOlFu2aS66K1lyIsH2wwpIYqk33byeaq90MA9-" +
      "ltdAZ7h1QoxSbg_VM6LxSViZGnZsdZfdR575fY3ForwSoBAFHoaK_DniIetUKbnrZjSg5zNLymF3KnkEK79LE9fu" +
      "FugkmvaJtyk4JpjBn-0dJ0XLuSH9W3_7wKkUqcSLbewHerjK2r4gQw4rWd2XSsI0WMcDoSGTXOUG1w",
};
export const curve = {
  key: {
    kty: "EC",
    crv: "P-256",
    x: "SYcP9qSky8x2QfxlnAjp9jxveucb-g8Wr6TreeCHg-o",
    y: "c9SOIoy2N0Hg_11KT9LO7oUxprFDQ1F9B-z-SN7Jbvk",
    d: "pjHW3C_1BKBRnx4eRN1xfcD-Apm9GysYDKCyQMAgSMo",
  },
  es256: "gDM0Weq7cltKTeZ92TgIWgQzACYL4IiOnHWvfdqFWbW2kXQeWnLJ5zSpzBiveo7QgvPdZX3mScHUQic7jrFlVA",
};
